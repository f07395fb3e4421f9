"""A broker in a process of its own, for tests that kill it: `DATABASE PORT TOKEN`."""

import secrets
import sys
from pathlib import Path

import uvicorn

from migrations import upgrade
from service.broker.app import create_broker
from service.clock import new_id, system_clock


def main() -> None:
    database, port, token = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    upgrade("broker", database)
    app = create_broker(
        database=database,
        token=token,
        clock=system_clock,
        new_id=new_id,
        new_secret=lambda: secrets.token_urlsafe(32),
    )
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
