"""A log of documents as they really go: 22 events each, many documents under way at once.

Written with plain ``sqlite3``, so that a million events are there within seconds. The chain is left
out (zeros): nobody who folds the log looks at it.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from events.chain import GENESIS
from events.codec import encode
from events.document import facts
from events.document.facts import DocumentEvent
from migrations import upgrade

EVENTS_PER_DOCUMENT = 22
AT_ONCE = 64
"""Documents that are under way at the same time."""
PAGES = 14
BEGAN = 1_700_000_000_000_000
APART = 2_000
"""Microseconds between two events."""
BATCH = 22_000

_EVENT = f"INSERT INTO events VALUES ({', '.join('?' * 13)})"  # the table's own order of columns
_META = '{"node":"waybill-1a2b3c"}'


def write_log(path: Path, events: int) -> int:
    """Make a log of about so many events; how many it has."""
    upgrade("log", path)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in ("journal_mode=WAL", "synchronous=OFF"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        documents = max(1, events // EVENTS_PER_DOCUMENT)
        _write_streams(connection, documents)
        written = 0
        rows: list[tuple[object, ...]] = []
        for rows in _batches(documents):
            connection.execute("BEGIN")
            connection.executemany(_EVENT, rows)
            connection.execute("COMMIT")
            written += len(rows)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
    return written


def _write_streams(connection: sqlite3.Connection, documents: int) -> None:
    columns = [row[1] for row in connection.execute("PRAGMA table_info(streams)")]
    known = {"stream_no": 0, "name": "", "version": EVENTS_PER_DOCUMENT}
    assert set(columns) == set(known), f"the streams have other columns now: {columns}"
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO streams (stream_no, name, version) VALUES (?,?,?)",
        (
            (number + 1, f"document-{document_id(number)}", EVENTS_PER_DOCUMENT)
            for number in range(documents)
        ),
    )
    connection.execute("COMMIT")


def _batches(documents: int) -> Iterator[list[tuple[object, ...]]]:
    rows: list[tuple[object, ...]] = []
    position = 0
    for first in range(0, documents, AT_ONCE):
        together = range(first, min(first + AT_ONCE, documents))
        lives = [life(number) for number in together]
        for version in range(EVENTS_PER_DOCUMENT):
            for number, events in zip(together, lives, strict=True):
                position += 1
                rows.append(_row(position, number, version + 1, events[version]))
        if len(rows) >= BATCH:
            yield rows
            rows = []
    yield rows


def _row(position: int, number: int, version: int, fact: DocumentEvent) -> tuple[object, ...]:
    encoded = encode(fact)
    at = BEGAN + position * APART
    return (
        position,
        number + 1,
        version,
        f"018bcfe5-687f-7000-8000-{position:012d}",
        encoded.type,
        encoded.schema_version,
        at,
        at,
        f"{document_id(number)}.1",
        None,
        encoded.data.decode(),
        _META,
        GENESIS,
    )


def document_id(number: int) -> str:
    """The id of the document with this number."""
    return f"doc_{number:026d}"


def life(number: int) -> list[DocumentEvent]:
    """A document with a name, some pages, one attempt, and QStash's word in the end."""
    name = document_id(number)
    attempt = f"{name}-1-1"
    message = f"msg_{number:024d}"
    lease = BEGAN + 60_000_000
    return [
        facts.DocumentRegistered(
            document_id=name,
            sha256=f"{number:064x}",
            bytes=152_344,
            content_type="application/pdf",
            blob_ref=f"documents/{name}",
            name=f"report-{number}.pdf",
            owner=f"owner-{number % 50}",
            source="upload",
            processor="pdf-text",
            received_at=BEGAN,
        ),
        facts.EnqueueRequested(
            document_id=name,
            run=1,
            publish_no=1,
            attempt_budget=4,
            dedup_id=f"{name}.1.1",
            destination="http://127.0.0.1:8321/qstash/process",
            reason="initial",
            requested_at=BEGAN,
        ),
        facts.Enqueued(
            document_id=name,
            run=1,
            publish_no=1,
            message_id=message,
            deduplicated=False,
            transport="local",
            transport_retries=6,
        ),
        facts.DeliveryReceived(
            document_id=name,
            run=1,
            message_id=message,
            retried=0,
            jti=f"jwt_{number:026d}",
            signing_key="current",
            signed_at=BEGAN,
            body_sha256=f"{number:064x}",
            node="waybill-1a2b3c",
        ),
        facts.ProcessingStarted(
            document_id=name,
            run=1,
            attempt=1,
            attempt_id=attempt,
            message_id=message,
            retried=0,
            lease_until=lease,
            waited_ms=40 + number % 900,
            node="waybill-1a2b3c",
            code_version="0.1.0",
        ),
        *(
            facts.ProgressReported(
                document_id=name,
                attempt_id=attempt,
                step="reading",
                pages_done=page + 1,
                pages_total=PAGES,
                lease_until=lease,
            )
            for page in range(PAGES)
        ),
        facts.ProcessingSucceeded(
            document_id=name,
            run=1,
            attempt=1,
            attempt_id=attempt,
            result_ref=f"results/{name}/{number:064x}.jsonl",
            pages=PAGES,
            characters=28_311,
            text_sha256=f"{number:064x}",
            duration_ms=900 + number % 5000,
            late=False,
        ),
        *(
            facts.TransportObserved(
                document_id=name,
                kind="callback",
                message_id=message,
                state="delivered",
                status=200,
                retried=0,
                max_retries=6,
                dlq_id=None,
                final=final,
            )
            for final in (False, True)
        ),
    ]


def decoders() -> dict[str, "msgspec.json.Decoder[DocumentEvent]"]:
    """What the floor decodes an event with: one decoder for each type."""
    return {encode(fact).type: msgspec.json.Decoder(type(fact)) for fact in life(0)}
