"""A document comes in: its bytes to storage, then the fact to the log."""

import hashlib
import re
from collections.abc import AsyncIterator

import msgspec

from events.document.facts import DocumentRegistered
from events.errors import Refused
from events.store import Recorded
from service.clock import Clock, NewId, crockford
from service.documents import Documents
from service.storage import ObjectStore

FOLDER = "documents"
"""Where uploaded bytes lie in the object store."""
NAME_LIMIT = 255
OWNER_LIMIT = 128

_OWN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender says of a document."""

    name: str
    owner: str
    content_type: str
    processor: str
    idempotency_key: str | None = None


class Accepted(msgspec.Struct, frozen=True):
    """The document's events so far, and whether it is new."""

    document_id: str
    recorded: list[Recorded]
    new: bool


class Uploads:
    """Accepts documents; each answer means that the document will be processed or fail visibly."""

    def __init__(
        self,
        documents: Documents,
        storage: ObjectStore,
        *,
        clock: Clock,
        new_document_id: NewId,
        processors: frozenset[str],
    ) -> None:
        self._documents = documents
        self._storage = storage
        self._clock = clock
        self._new_document_id = new_document_id
        self._processors = processors

    async def store(self, chunks: AsyncIterator[bytes]) -> "Held":
        """Put bytes into storage; ``accept`` makes a document of them, ``drop`` forgets them."""
        # A name of its own for every upload: a repeated one must not touch what is there already.
        document_id = self._new_document_id()
        stored = await self._storage.put_stream(f"{FOLDER}/{document_id}", chunks)
        return Held(document_id, stored.name, stored.bytes, stored.sha256)

    async def accept(self, offer: Offer, held: "Held") -> Accepted:
        """Register the stored bytes; raises ``Refused`` if the id has other content."""
        self.check(offer)
        document_id = self._id_for(offer) if offer.idempotency_key else held.document_id
        event = DocumentRegistered(
            document_id=document_id,
            sha256=held.sha256,
            bytes=held.bytes,
            content_type=offer.content_type,
            blob_ref=held.name,
            name=clean(offer.name, NAME_LIMIT) or "document",
            owner=offer.owner,
            source="upload",
            processor=offer.processor,
            received_at=self._clock(),
        )
        accepted = await self._register(event, fresh=offer.idempotency_key is None)
        if not accepted.new:
            await self.drop(held)
        return accepted

    async def drop(self, held: "Held") -> None:
        """Remove bytes that became no document."""
        await self._storage.delete(held.name)

    async def refer(self, offer: Offer, *, path: str, own_id: str | None) -> Accepted:
        """Register an object that lies in the store already; raises ``ObjectMissing``."""
        self.check(offer)
        if own_id is not None and not _OWN_ID.fullmatch(own_id):
            raise Refused(
                f"the id {own_id[:80]!r} is not usable: it takes 1 to 64 letters, digits, '_' and "
                "'-', beginning with a letter or a digit"
            )
        event = DocumentRegistered(
            document_id=own_id or self._id_for(offer),
            sha256=None,
            bytes=await self._storage.size(path),
            content_type=offer.content_type,
            blob_ref=path,
            name=clean(offer.name, NAME_LIMIT) or path.rsplit("/", 1)[-1],
            owner=offer.owner,
            source="reference",
            processor=offer.processor,
            received_at=self._clock(),
        )
        return await self._register(event, fresh=False)

    def check(self, offer: Offer) -> None:
        """Raise ``Refused`` for an offer that cannot be accepted."""
        if offer.processor not in self._processors:
            raise Refused(
                f"there is no processor {offer.processor[:80]!r}; "
                f"this server has {', '.join(sorted(self._processors))}"
            )
        if not offer.owner or clean(offer.owner, OWNER_LIMIT) != offer.owner:
            raise Refused(
                f"the owner must have 1 to {OWNER_LIMIT} characters, none of them a control one"
            )

    async def _register(self, event: DocumentRegistered, *, fresh: bool) -> Accepted:
        decided = await self._documents.register(event, fresh=fresh)
        if decided.recorded:
            return Accepted(event.document_id, list(decided.recorded), new=True)
        history = await self._documents.history(event.document_id)
        return Accepted(event.document_id, history, new=False)

    def _id_for(self, offer: Offer) -> str:
        if offer.idempotency_key is None:
            return self._new_document_id()
        # The key *is* the id, so two servers agree on it without asking anybody.
        seed = f"{offer.owner}\0{offer.idempotency_key}".encode()
        digest = hashlib.sha256(seed).digest()
        return "doc_" + crockford(int.from_bytes(digest[:16]))


class Held(msgspec.Struct, frozen=True):
    """Bytes in storage that no event speaks of yet."""

    document_id: str
    name: str
    bytes: int
    sha256: str


def clean(text: str, limit: int) -> str:
    """The text without control characters, at most ``limit`` characters long."""
    return _CONTROL.sub(" ", text).strip()[:limit]
