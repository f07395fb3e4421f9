"""Everything the broker refuses, as one tree; the API answers each with its status.

BrokerError
|-- Malformed          400  a part of the request is not what it has to be; the text names it
|-- Unknown            404  nothing here has this id
|-- RateLimited        429  a limit is used up; the headers say which, and until when
|-- Overloaded         503  too much is waiting already; come back later
`-- StoreUnavailable   503  the store could not keep or find something; nothing was accepted
"""

from collections.abc import Iterable

__all__ = [
    "BrokerError",
    "Malformed",
    "Overloaded",
    "RateLimited",
    "StoreUnavailable",
    "Unknown",
]


class BrokerError(Exception):
    """A refusal with a text for the caller."""

    status = 500
    headers: tuple[tuple[str, str], ...] = ()


class Malformed(BrokerError):
    """A part of the request is not what it has to be."""

    status = 400


class Unknown(BrokerError):
    """Nothing here has this id."""

    status = 404


class RateLimited(BrokerError):
    """A limit is used up."""

    status = 429

    def __init__(self, text: str, *, headers: Iterable[tuple[str, str]]) -> None:
        super().__init__(text)
        self.headers = tuple(headers)


class Overloaded(BrokerError):
    """Too much is waiting already."""

    status = 503


class StoreUnavailable(BrokerError):
    """The store could not keep or find something."""

    status = 503
