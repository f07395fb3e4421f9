"""Questions that the documents' rows answer, all in one transaction."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, or_, select

from events.document.state import Status
from projections import builds
from projections.documents import Documents, Tracked
from projections.quarantine import quarantined

DOCUMENTS = Documents()
WAITING = frozenset({Status.RECEIVED, Status.QUEUED})


class DocumentRows:
    """The table that is read now, and the log ``position`` that it tells of."""

    def __init__(self, connection: Connection) -> None:
        """Raises ``NotReady`` while the first table is being made."""
        source = builds.source(connection, DOCUMENTS)
        self.position = source.position
        self._build = source.build
        self._table = source.table
        self._connection = connection
        self._decode = DOCUMENTS.decode

    def one(self, document_id: str) -> Tracked | None:
        """The document of this id."""
        found = select(self._table.c.state).where(self._table.c.key == document_id)
        stored = self._connection.execute(found).scalar_one_or_none()
        return None if stored is None else self._decode(stored)

    def some(self, document_ids: Sequence[str]) -> list[Tracked]:
        """The documents of these ids that exist, in no order."""
        found = select(self._table.c.state).where(self._table.c.key.in_(document_ids))
        return [self._decode(stored) for stored in self._connection.execute(found).scalars()]

    def page(
        self,
        *,
        limit: int,
        before: int | None = None,
        status: Sequence[str] = (),
        owner: str | None = None,
    ) -> list[Tracked]:
        """Documents, the newest first; ``before``: the ``first_position`` of the last one seen."""
        found = (
            select(self._table.c.state).order_by(self._table.c.first_position.desc()).limit(limit)
        )
        if before is not None:
            found = found.where(self._table.c.first_position < before)
        if status:
            found = found.where(self._table.c.status.in_(status))
        if owner is not None:
            found = found.where(self._table.c.owner == owner)
        return [self._decode(stored) for stored in self._connection.execute(found).scalars()]

    def changed(
        self,
        *,
        after: int,
        limit: int,
        document_ids: Sequence[str] | None = None,
        owner: str | None = None,
    ) -> list[Tracked]:
        """Documents whose newest change lies behind the position ``after``, oldest change first."""
        found = (
            select(self._table.c.state)
            .where(self._table.c.position > after)
            .order_by(self._table.c.position)
            .limit(limit)
        )
        if document_ids is not None:
            found = found.where(self._table.c.key.in_(document_ids))
        if owner is not None:
            found = found.where(self._table.c.owner == owner)
        return [self._decode(stored) for stored in self._connection.execute(found).scalars()]

    def unfinished(self) -> list[Tracked]:
        """Every document that is not at its end, or has something left to tidy up at QStash."""
        found = select(self._table.c.state).where(self._table.c.open)
        return [self._decode(stored) for stored in self._connection.execute(found).scalars()]

    def refers_to(self, blob_ref: str) -> bool:
        """Whether any document lies in this object; if events were left out, one may."""
        if self._build.unreadable is not None or quarantined(self._connection, self._build):
            return True
        found = select(self._table.c.key).where(self._table.c.blob_ref == blob_ref).limit(1)
        return self._connection.execute(found).first() is not None

    def existing(
        self,
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
        found = select(self._table.c.state).where(self._table.c.first_position <= at)
        found = found.order_by(self._table.c.first_position.desc()).limit(limit)
        if before is not None:
            found = found.where(self._table.c.first_position < before)
        if status:
            found = found.where(or_(self._table.c.status.in_(status), self._table.c.position > at))
        if owner is not None:
            found = found.where(self._table.c.owner == owner)
        return [self._decode(stored) for stored in self._connection.execute(found).scalars()]

    def changed_since(self, *, at: int) -> list[tuple[str, str]]:
        """Documents that were there at ``at`` and have changed since: id, and status now."""
        found = select(self._table.c.key, self._table.c.status).where(
            self._table.c.position > at, self._table.c.first_position <= at
        )
        return [(row[0], row[1]) for row in self._connection.execute(found)]

    def counts(self, *, upto: int | None = None) -> dict[Status, int]:
        """How many documents have each status; ``upto``: only of those that were there then."""
        found = select(self._table.c.status, func.count()).group_by(self._table.c.status)
        if upto is not None:
            found = found.where(self._table.c.first_position <= upto)
        numbers = {row[0]: row[1] for row in self._connection.execute(found)}
        return {status: numbers.get(status.value, 0) for status in Status}

    def oldest_waiting(self, *, unchanged_since: int | None = None) -> tuple[str, int] | None:
        """The document that has waited longest to be started, and since when."""
        found = (
            select(self._table.c.key, self._table.c.waiting_since)
            .where(self._table.c.status.in_(sorted(WAITING)))
            .order_by(self._table.c.waiting_since, self._table.c.key)
            .limit(1)
        )
        if unchanged_since is not None:
            found = found.where(self._table.c.position <= unchanged_since)
        row = self._connection.execute(found).one_or_none()
        return None if row is None else (row[0], row[1])
