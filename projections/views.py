"""A document as everybody outside sees it: the same words in JSON, feed, page and command line."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

import msgspec

from projections.documents import Tracked

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """The public state of a document; times are RFC 3339 in UTC.

    ``status`` is ours, ``delivery`` is QStash's (``null`` until it has the document) with
    ``heard_at``, the time of the newest evidence. ``position`` is the log position of the newest
    change: a larger one is always newer. Only an erased document has ``erasure``: ``begun``, and
    ``complete`` once nothing is left of what it held; ``name`` and ``owner`` then read ``erased``.
    """

    id: str
    owner: str
    name: str
    status: str
    final: bool
    delivery: str | None
    heard_at: str | None
    run: int
    attempt: int
    attempts: int
    pages_done: int
    pages_total: int
    error: str | None
    error_code: str | None
    retry_at: str | None
    cancel_requested: bool
    position: int
    created_at: str
    updated_at: str
    processor: str
    content_type: str
    bytes: int | None
    sha256: str | None
    erasure: Literal["begun", "complete"] | msgspec.UnsetType = msgspec.UNSET


def view(tracked: Tracked) -> DocumentView:
    """The public state of this document."""
    document = tracked.document
    return DocumentView(
        id=document.id,
        owner=document.owner,
        name=document.name,
        status=document.status.value,
        final=document.status.final,
        delivery=document.delivery,
        heard_at=timestamp(tracked.heard_at),
        run=document.run,
        attempt=document.attempt,
        attempts=document.attempt_budget,
        pages_done=document.pages_done,
        pages_total=document.pages_total,
        error=document.error,
        error_code=document.error_class,
        retry_at=timestamp(document.retry_at),
        cancel_requested=document.cancel_requested,
        position=tracked.position,
        created_at=instant(tracked.created_at),
        updated_at=instant(tracked.updated_at),
        processor=document.processor,
        content_type=document.content_type,
        bytes=document.bytes,
        sha256=document.sha256,
        erasure=document.erasure.value if document.erasure else msgspec.UNSET,
    )


def instant(microseconds: int) -> str:
    """Microseconds since the epoch as RFC 3339, such as ``2026-11-23T03:14:20.000123Z``."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"{_second(seconds)}.{fraction:06d}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    """Many documents change within a second, and ``strftime`` is slow."""
    return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def timestamp(microseconds: int | None) -> str | None:
    """The same for a time that may be unknown."""
    return None if microseconds is None else instant(microseconds)
