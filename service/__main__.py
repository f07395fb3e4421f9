"""`python -m service` is `waybill`."""

from service.commands import main

if __name__ == "__main__":
    main()
