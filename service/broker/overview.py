"""Statements about all messages at once: how many are in each state, and how the last ones ended.

Every count ends at a bound: somebody looks, and a million waiting messages must not be walked
through for each look.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, ScalarSelect, Select, func, literal_column, select

from service.broker.message import Place, State
from service.broker.tables import dead_letters, log_entries, messages

__all__ = ["MOST_COUNTED", "MOST_OUTCOMES", "Overview", "kept_since", "last_state", "look_over"]

MOST_COUNTED = 10_000
MOST_OUTCOMES = 1_000

LANES = (Place.WAITING, Place.QUEUED, Place.PARKED, Place.ASIDE)
"""Where messages lie that no engine has in hand."""

# Written out: a bound value would hide from SQLite that the partial index applies.
OPEN = messages.c.finished_at.is_(None)
TRIED = messages.c.retried > literal_column("0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Counts up to a bound; of what stands in `beyond` there are more.

    `ended` has the outcomes since a given moment.
    """

    waiting: int
    retrying: int
    active: int
    dead_letters: int
    newest_dead_letter: int | None
    ended: Mapping[str, int]
    beyond: frozenset[str]


def look_over(connection: Connection, *, since: int) -> Overview:
    """How many messages are where, and how those ended that did `since`."""
    tried = [_count(connection, _at(place).where(TRIED)) for place in LANES]
    there = [_count(connection, _at(place)) for place in LANES]
    active = _count(connection, _at(Place.CLAIMED))
    dead = _count(connection, select(dead_letters.c.sequence))
    counted = {"waiting": there, "retrying": tried, "active": [active], "dead_letters": [dead]}
    ended = _ended(connection, since)
    beyond = {name for name, counts in counted.items() if sum(counts) > MOST_COUNTED}
    if sum(ended.values()) > MOST_OUTCOMES:
        beyond.add("ended")
    return Overview(
        waiting=_bounded(sum(there) - sum(tried)),
        retrying=_bounded(sum(tried)),
        active=_bounded(active),
        dead_letters=_bounded(dead),
        newest_dead_letter=connection.execute(select(func.max(dead_letters.c.id))).scalar(),
        ended=ended,
        beyond=frozenset(beyond),
    )


def kept_since(connection: Connection, moment: int) -> int:
    """How many messages were taken in from this moment on."""
    # Numbers grow with time, and the first of a moment is that moment.
    wanted = select(func.count()).where(messages.c.sequence >= moment)
    return connection.execute(wanted).scalar_one()


def last_state() -> ScalarSelect[str]:
    """The newest entry in the log of a message in an enclosing statement."""
    return (
        select(log_entries.c.state)
        .where(log_entries.c.sequence == messages.c.sequence)
        .order_by(log_entries.c.id.desc())
        .limit(1)
        .correlate(messages)
        .scalar_subquery()
    )


def _ended(connection: Connection, since: int) -> dict[str, int]:
    newest = (
        select(last_state().label("state"))
        .where(messages.c.finished_at > since)
        .order_by(messages.c.finished_at.desc())
        .limit(MOST_OUTCOMES + 1)
    )
    ended = {State.DELIVERED.value: 0, State.FAILED.value: 0, State.CANCELED.value: 0}
    for state in connection.execute(newest).scalars():
        # None: the log has forgotten it already.
        if state in ended:
            ended[state] += 1
    return ended


def _bounded(count: int) -> int:
    return min(count, MOST_COUNTED)


def _at(place: Place) -> Select[int]:
    return select(messages.c.sequence).where(OPEN, messages.c.place == place.value)


def _count(connection: Connection, wanted: Select[int]) -> int:
    bounded = wanted.limit(MOST_COUNTED + 1).subquery()
    return connection.execute(select(func.count()).select_from(bounded)).scalar_one()
