"""Statements that read the log of what happened to messages."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from service.broker.filters import Selection
from service.broker.message import Message, State
from service.broker.records import Details, details_of, message_of
from service.broker.selecting import conditions
from service.broker.tables import log_entries, messages

__all__ = ["Logged", "select_log"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One entry with the message it speaks of."""

    id: int
    at: int
    state: State
    details: Details
    message: Message


def select_log(connection: Connection, selection: Selection) -> list[Logged]:
    """One page, the newest first; one more than asked for tells that there is another page."""
    wanted = (
        select(log_entries.c.id, log_entries.c.at, log_entries.c.state, log_entries.c.details)
        .add_columns(*messages.c)
        .join(messages, messages.c.sequence == log_entries.c.sequence)
        .where(*conditions(selection, at=log_entries.c.at))
        .order_by(log_entries.c.id.desc())
        .limit(selection.count + 1)
    )
    if selection.cursor is not None:
        wanted = wanted.where(log_entries.c.id < selection.cursor)
    return [
        Logged(
            id=row["id"],
            at=row["at"],
            state=State(row["state"]),
            details=details_of(row["details"]),
            message=message_of(row),
        )
        for row in connection.execute(wanted).mappings()
    ]
