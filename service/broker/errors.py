"""Everything the broker refuses, as one tree; the API answers each with its status.

BrokerError
|-- Malformed          400  a part of the request is not what it has to be; the text names it
|-- Unknown            404  nothing here has this id
|-- Overloaded         503  too much is waiting already; come back later
`-- StoreUnavailable   503  the store could not keep or find something; nothing was accepted
"""

__all__ = ["BrokerError", "Malformed", "Overloaded", "StoreUnavailable", "Unknown"]


class BrokerError(Exception):
    """A refusal with a text for the caller."""

    status = 500


class Malformed(BrokerError):
    """A part of the request is not what it has to be."""

    status = 400


class Unknown(BrokerError):
    """Nothing here has this id."""

    status = 404


class Overloaded(BrokerError):
    """Too much is waiting already."""

    status = 503


class StoreUnavailable(BrokerError):
    """The store could not keep or find something."""

    status = 503
