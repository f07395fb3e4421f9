"""Statements about all messages at once."""

from sqlalchemy import Connection, func, select

from service.broker.tables import messages

__all__ = ["kept_since"]


def kept_since(connection: Connection, moment: int) -> int:
    """How many messages were taken in from this moment on."""
    # Numbers grow with time, and the first of a moment is that moment.
    wanted = select(func.count()).where(messages.c.sequence >= moment)
    return connection.execute(wanted).scalar_one()
