"""Objects in a bucket: S3, Google Cloud Storage, Azure, or anything obstore speaks to.

A bucket publishes an object when its last part is in, so nothing is renamed. Access keys come from
where each cloud's own tools take them: the environment, a profile, the machine's role.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import obstore
from obstore.store import ObjectStore as Bucket
from obstore.store import from_url

from service.storage.objects import Listed, ObjectMissing, Stored, check_name

_PART = 5 * 1024 * 1024  # the smallest part that S3 accepts
_PARTS_AT_ONCE = 2
_BLOCK = 256 * 1024
_LISTED_AT_ONCE = 500
_PATIENCE = timedelta(seconds=30)


def open_bucket(url: str) -> "BucketStore":
    """Opens a bucket by URL; nothing is sent before the first use."""
    return BucketStore(from_url(url, retry_config={"max_retries": 3, "retry_timeout": _PATIENCE}))


class BucketStore:
    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> Stored:
        check_name(name)
        source = _Source(chunks)
        first = await source.first_part()
        if source.ended:
            await obstore.put_async(self._bucket, name, first, use_multipart=False)
        else:
            await self._put_in_parts(name, first, source)
        return Stored(name=name, bytes=source.bytes, sha256=source.sha256)

    async def put_file(self, name: str, path: Path) -> Stored:
        with await asyncio.to_thread(path.open, "rb") as opened:
            return await self.put_stream(name, _blocks_of(opened))

    async def read(self, name: str, offset: int = 0) -> AsyncIterator[bytes]:
        # A range that begins at the end is an error for a bucket, and an empty answer for a reader.
        if offset and offset >= await self.size(name):
            return
        try:
            answer = await obstore.get_async(
                self._bucket,
                check_name(name),
                options={"range": {"offset": offset}} if offset else {},
            )
        except FileNotFoundError:
            raise ObjectMissing(name) from None
        async for block in answer.stream(min_chunk_size=_BLOCK):
            yield bytes(block)

    @asynccontextmanager
    async def local_copy(self, name: str) -> AsyncIterator[Path]:
        with tempfile.TemporaryDirectory(prefix="waybill-") as folder:
            path = Path(folder, "object")
            with await asyncio.to_thread(path.open, "wb") as copy:
                async for block in self.read(name):
                    await asyncio.to_thread(copy.write, block)
            yield path

    async def size(self, name: str) -> int:
        try:
            return (await obstore.head_async(self._bucket, check_name(name)))["size"]
        except FileNotFoundError:
            raise ObjectMissing(name) from None

    async def delete(self, name: str) -> None:
        try:
            await obstore.delete_async(self._bucket, check_name(name))
        except FileNotFoundError:
            return  # some buckets say so, S3 does not; for us both are the same

    async def list(self, folder: str = "") -> AsyncIterator[Listed]:
        prefix = check_name(folder) if folder else None
        async for batch in obstore.list(self._bucket, prefix, chunk_size=_LISTED_AT_ONCE):
            for found in batch:
                yield Listed(
                    name=found["path"],
                    bytes=found["size"],
                    modified_us=int(found["last_modified"].timestamp() * 1_000_000),
                )

    def close(self) -> None:
        """Its library keeps connections for itself, and offers no end to them."""

    async def _put_in_parts(self, name: str, first: bytes, source: "_Source") -> None:
        """Uploads part by part; whatever ends it early also takes back the parts already sent."""
        upload = asyncio.ensure_future(
            obstore.put_async(
                self._bucket,
                name,
                source.all_after(first),
                chunk_size=_PART,
                max_concurrency=_PARTS_AT_ONCE,
            )
        )
        try:
            await asyncio.shield(upload)
        except asyncio.CancelledError:
            # Parts are taken back when the chunks raise, not when the upload itself is cancelled.
            source.stop()
            with suppress(Exception):
                await asyncio.wait_for(upload, _PATIENCE.total_seconds())
            raise
        except Exception as error:
            # obstore wraps what the chunks raise; the caller wants to see its own exception.
            raise source.failure or error from error


class _Source:
    """The chunks on their way: counted, hashed, and with the exception they may end in."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._hash = hashlib.sha256()
        self.bytes = 0
        self.ended = False
        self.failure: Exception | None = None
        self._stopped = asyncio.Event()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    async def first_part(self) -> bytes:
        """As much as one part holds; most documents are no longer than that."""
        parts = []
        while self.bytes < _PART and (chunk := await self._next()) is not None:
            parts.append(chunk)
        return b"".join(parts)

    async def all_after(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        try:
            while (chunk := await self._next_unless_stopped()) is not None:
                yield chunk
        except Exception as failure:
            self.failure = failure
            raise

    def stop(self) -> None:
        """Ends the chunks with an exception, even while the next one is awaited."""
        self._stopped.set()

    async def _next_unless_stopped(self) -> bytes | None:
        chunk = asyncio.ensure_future(self._next())
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({chunk, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not chunk.done():
                raise InterruptedError("the upload was cancelled")
            return chunk.result()
        finally:
            chunk.cancel()
            stopped.cancel()

    async def _next(self) -> bytes | None:
        chunk = await anext(self._chunks, None)
        if chunk is None:
            self.ended = True
            return None
        self._hash.update(chunk)
        self.bytes += len(chunk)
        return chunk


async def _blocks_of(opened: BinaryIO) -> AsyncIterator[bytes]:
    while block := await asyncio.to_thread(opened.read, _BLOCK):
        yield block
