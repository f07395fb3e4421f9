"""One row per document: all that a badge, a page or an operator needs, both axes of its state.

``document_rows`` asks these rows.
"""

from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Index, String

from events.decoding import readable
from events.document.duties import tidying
from events.document.evolve import evolve
from events.document.facts import TransportObserved
from events.document.state import Document
from events.store import Recorded, document_stream
from projections.projection import Projection, projected_table

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


class Tracked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
    state = Tracked

    def key(self, event: Recorded) -> str | None:
        """Every event of a document changes its row."""
        return event.fact.document_id

    def stream(self, key: str) -> str | None:
        """A document's row is made of its own stream."""
        return document_stream(key)

    def begins(self, event: Recorded) -> bool:
        """A document's first event is the first of its stream."""
        return event.version == 1

    def fold(self, state: Tracked | None, event: Recorded) -> Tracked:
        """The document after this event."""
        before = state.document if state else None
        return Tracked(
            document=evolve(before, readable(event)),
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
    if event.type not in _HEARD:
        return False
    return not isinstance(event.fact, TransportObserved) or event.fact.kind != "withdrawal"
