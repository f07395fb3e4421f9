"""One row per document: all that a badge, a page or an operator needs, both axes of its state."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Connection, Index, String, func, or_, select

from events.document.duties import tidying
from events.document.evolve import evolve
from events.document.facts import TransportObserved
from events.document.state import Document, Status
from events.store import Recorded
from projections.projection import Projection, checkpoints, projected_table

NAME = "documents"
VERSION = 1

_table = projected_table(
    NAME,
    VERSION,
    Column("owner", String, nullable=False),
    Column("status", String, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("waiting_since", BigInteger, nullable=False),
    Column("blob_ref", String, nullable=False),
    Column("open", Boolean, nullable=False),
)
Index("documents_by_position", _table.c.position, _table.c.first_position)
Index("documents_by_age", _table.c.first_position)
Index("documents_by_status", _table.c.status, _table.c.first_position)
Index("documents_by_owner", _table.c.owner, _table.c.first_position)
Index("documents_by_blob", _table.c.blob_ref)
Index("documents_open", _table.c.key, sqlite_where=_table.c.open, postgresql_where=_table.c.open)


class Tracked(msgspec.Struct, frozen=True, kw_only=True):
    """A document and when it was heard of; times are microseconds since the epoch."""

    document: Document
    version: int
    position: int
    first_position: int
    created_at: int
    updated_at: int
    heard_at: int | None
    """When QStash, or a delivery from it, last told anything of this document."""


class Documents(Projection[Tracked]):
    """The fold: a document's own, with the times of the envelope."""

    name = NAME
    version = VERSION
    # The first change is folded at once; while the log is busy, a document's next ones gather.
    linger = 0.004
    table = _table

    def key(self, event: Recorded) -> str | None:
        """Every event of a document changes its row."""
        return event.fact.document_id

    def begins(self, event: Recorded) -> bool:
        """A document's first event is the first of its stream."""
        return event.version == 1

    def fold(self, state: Tracked | None, event: Recorded) -> Tracked:
        """The document after this event."""
        before = state.document if state else None
        return Tracked(
            document=evolve(before, event.fact),
            version=event.version,
            position=event.position,
            first_position=state.first_position if state else event.position,
            created_at=state.created_at if state else event.recorded_at,
            updated_at=event.recorded_at,
            heard_at=event.recorded_at if _heard(event) else (state.heard_at if state else None),
        )

    def columns(self, state: Tracked) -> dict[str, Any]:
        """What lists filter and sort by."""
        return {
            "owner": state.document.owner,
            "status": state.document.status.value,
            "position": state.position,
            "first_position": state.first_position,
            "waiting_since": state.document.waiting_since,
            "blob_ref": state.document.blob_ref,
            "open": not state.document.status.final or bool(tidying(state.document)),
        }

    def encode(self, state: Tracked) -> bytes:
        """JSON, readable for analysts."""
        return _ENCODER.encode(state)

    def decode(self, stored: bytes) -> Tracked:
        """The stored JSON as a value."""
        return _DECODER.decode(stored)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Tracked)

_HEARD = frozenset({"enqueued", "delivery_received", "delivery_ignored", "transport_observed"})


def _heard(event: Recorded) -> bool:
    if isinstance(event.fact, TransportObserved):
        return event.fact.kind != "withdrawal"
    return event.type in _HEARD


def position_of(connection: Connection) -> int:
    """How far of the log these rows tell."""
    found = select(checkpoints.c.position).where(
        checkpoints.c.name == NAME, checkpoints.c.version == VERSION
    )
    return connection.execute(found).scalar_one_or_none() or 0


def one(document_id: str, connection: Connection) -> Tracked | None:
    """The document of this id."""
    found = select(_table.c.state).where(_table.c.key == document_id)
    stored = connection.execute(found).scalar_one_or_none()
    return None if stored is None else _DECODER.decode(stored)


def some(document_ids: Sequence[str], connection: Connection) -> list[Tracked]:
    """The documents of these ids that exist, in no order."""
    found = select(_table.c.state).where(_table.c.key.in_(document_ids))
    return [_DECODER.decode(stored) for stored in connection.execute(found).scalars()]


def page(
    connection: Connection,
    *,
    limit: int,
    before: int | None = None,
    status: Sequence[str] = (),
    owner: str | None = None,
) -> list[Tracked]:
    """Documents, the newest first; ``before`` is the ``first_position`` of the last one seen."""
    found = select(_table.c.state).order_by(_table.c.first_position.desc()).limit(limit)
    if before is not None:
        found = found.where(_table.c.first_position < before)
    if status:
        found = found.where(_table.c.status.in_(status))
    if owner is not None:
        found = found.where(_table.c.owner == owner)
    return [_DECODER.decode(stored) for stored in connection.execute(found).scalars()]


def changed(
    connection: Connection,
    *,
    after: int,
    limit: int,
    document_ids: Sequence[str] | None = None,
    owner: str | None = None,
) -> list[Tracked]:
    """Documents whose newest change lies behind the position ``after``, oldest change first."""
    found = (
        select(_table.c.state)
        .where(_table.c.position > after)
        .order_by(_table.c.position)
        .limit(limit)
    )
    if document_ids is not None:
        found = found.where(_table.c.key.in_(document_ids))
    if owner is not None:
        found = found.where(_table.c.owner == owner)
    return [_DECODER.decode(stored) for stored in connection.execute(found).scalars()]


def unfinished(connection: Connection) -> list[Tracked]:
    """Every document that is not at its end, or has something left to tidy up at QStash."""
    found = select(_table.c.state).where(_table.c.open)
    return [_DECODER.decode(stored) for stored in connection.execute(found).scalars()]


def refers_to(blob_ref: str, connection: Connection) -> bool:
    """Whether any document lies in this object."""
    found = select(_table.c.key).where(_table.c.blob_ref == blob_ref).limit(1)
    return connection.execute(found).first() is not None


def existing(
    connection: Connection,
    *,
    at: int,
    limit: int,
    before: int | None = None,
    status: Sequence[str] = (),
    owner: str | None = None,
) -> list[Tracked]:
    """Documents that were there at the position ``at``, the newest first, as they are now.

    With a ``status``: those that had it then, and those that have changed since.
    """
    found = select(_table.c.state).where(_table.c.first_position <= at)
    found = found.order_by(_table.c.first_position.desc()).limit(limit)
    if before is not None:
        found = found.where(_table.c.first_position < before)
    if status:
        found = found.where(or_(_table.c.status.in_(status), _table.c.position > at))
    if owner is not None:
        found = found.where(_table.c.owner == owner)
    return [_DECODER.decode(stored) for stored in connection.execute(found).scalars()]


def changed_since(connection: Connection, *, at: int) -> list[tuple[str, str]]:
    """The ids of documents that were there at ``at`` and have changed since; their status now."""
    found = select(_table.c.key, _table.c.status).where(
        _table.c.position > at, _table.c.first_position <= at
    )
    return [(row[0], row[1]) for row in connection.execute(found)]


def counts(connection: Connection, *, upto: int | None = None) -> dict[Status, int]:
    """How many documents have each status; ``upto``: only of those that were there then."""
    found = select(_table.c.status, func.count()).group_by(_table.c.status)
    if upto is not None:
        found = found.where(_table.c.first_position <= upto)
    numbers = {row[0]: row[1] for row in connection.execute(found)}
    return {status: numbers.get(status.value, 0) for status in Status}


WAITING = frozenset({Status.RECEIVED, Status.QUEUED})


def oldest_waiting(
    connection: Connection, *, unchanged_since: int | None = None
) -> tuple[str, int] | None:
    """The document that has waited longest to be started, and since when."""
    found = (
        select(_table.c.key, _table.c.waiting_since)
        .where(_table.c.status.in_(sorted(WAITING)))
        .order_by(_table.c.waiting_since, _table.c.key)
        .limit(1)
    )
    if unchanged_since is not None:
        found = found.where(_table.c.position <= unchanged_since)
    row = connection.execute(found).one_or_none()
    return None if row is None else (row[0], row[1])
