"""An export as Parquet: a folder of parts, which DuckDB, pandas and the like read as one table.

A Parquet file cannot be continued, so each part is whole or not there: it is written under another
name and then renamed. ``_manifest.json`` tells what each part holds; readers of Parquet leave names
that begin with an underscore alone.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from events.store import Stored
from service.storage.drafts import sync_folder
from service.transfer.rows import COLUMNS, row
from service.transfer.targets import (
    NotOurs,
    Origin,
    Reached,
    check_epoch,
    from_text,
    keep_alone,
    shown,
)

PART = 65_536
"""Events in a part."""
MANIFEST = "_manifest.json"
UNFINISHED = "_unfinished.parquet"
_OURS = {UNFINISHED, f"{MANIFEST}.new"}
GROUP = 8_192
"""Events that are compressed together."""

_TIME = pa.timestamp("us", tz="UTC")
_TYPES = {
    "position": pa.int64(),
    "version": pa.int64(),
    "schema_version": pa.int32(),
    "occurred_at": _TIME,
    "recorded_at": _TIME,
}
SCHEMA = pa.schema(
    [
        pa.field(name, _TYPES.get(name, pa.string()), nullable=name == "causation_id")
        for name in COLUMNS
    ]
)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the folder, and what is in it."""

    file: str
    first: int
    last: int
    sha256: str
    chain: str | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The folder's table of contents."""

    waybill_log: int = 1
    epoch: str
    first: int
    chain_before: str | None
    parts: tuple[Part, ...] = ()


class ParquetFolder:
    """A folder that is new, or goes on behind its last part."""

    def __init__(self, path: Path, origin: Origin) -> None:
        """Raises ``NotOurs`` when the folder holds something else, and ``OSError``."""
        self._path = path
        # Arrow's own allocator keeps what was freed: 40 MB more, for nothing that we would notice.
        pa.set_memory_pool(pa.system_memory_pool())
        path.mkdir(exist_ok=True)
        self._folder = os.open(path, os.O_RDONLY)
        try:
            keep_alone(self._folder, path)
            self._manifest = _continued(path, origin)
        except BaseException:
            os.close(self._folder)
            raise
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._first = 0
        self.reached = _reached(self._manifest)

    def write(self, page: Sequence[Stored]) -> None:
        """Add the events; every ``PART`` events a part is there."""
        while page:
            room = PART - (page[0].position - 1) % PART
            self._add(page[:room])
            if page[min(room, len(page)) - 1].position % PART == 0:
                self._finish_part()
            page = page[room:]

    def close(self) -> None:
        """Finish the last part."""
        try:
            self._finish_part()
        finally:
            os.close(self._folder)

    def _add(self, page: Sequence[Stored]) -> None:
        if self._writer is None:
            self._first = page[0].position
            self._writer = pq.ParquetWriter(self._path / UNFINISHED, SCHEMA, compression="zstd")
        columns = zip(*(row(stored) for stored in page), strict=True)
        arrays = [
            pa.array(values, type=field.type) for values, field in zip(columns, SCHEMA, strict=True)
        ]
        self._waiting.append(pa.record_batch(arrays, schema=SCHEMA))
        if sum(len(batch) for batch in self._waiting) >= GROUP:
            self._compress(self._writer)
        self.reached = Reached(page[-1].position, page[-1].chain)

    def _compress(self, writer: pq.ParquetWriter) -> None:
        if self._waiting:
            writer.write_table(pa.Table.from_batches(self._waiting, SCHEMA))
            self._waiting = []

    def _finish_part(self) -> None:
        if self._writer is None:
            return
        self._compress(self._writer)
        self._writer.close()
        self._writer = None
        unfinished = self._path / UNFINISHED
        name = f"events-{self._first:015d}-{self.reached.position:015d}.parquet"
        part = Part(
            file=name,
            first=self._first,
            last=self.reached.position,
            sha256=_synced_digest(unfinished),
            chain=shown(self.reached.chain),
        )
        unfinished.rename(self._path / name)
        self._manifest = msgspec.structs.replace(
            self._manifest, parts=(*self._manifest.parts, part)
        )
        _store(self._path, self._manifest)


def _reached(manifest: Manifest) -> Reached:
    if not manifest.parts:
        return Reached(manifest.first - 1, from_text(manifest.chain_before))
    last = manifest.parts[-1]
    return Reached(last.last, from_text(last.chain))


def _continued(path: Path, origin: Origin) -> Manifest:
    """The folder's manifest, made if the folder is empty; parts it does not name are removed."""
    file = path / MANIFEST
    if not file.exists():
        if any(one.name not in _OURS for one in path.iterdir()):
            raise NotOurs(path, f"it is a folder without {MANIFEST}, but not an empty one")
        begun = Manifest(
            epoch=origin.epoch, first=origin.first, chain_before=shown(origin.chain_before)
        )
        _store(path, begun)
        return begun
    try:
        manifest = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except msgspec.MsgspecError as error:
        raise NotOurs(path, f"its {MANIFEST} cannot be read ({error})") from error
    check_epoch(path, found=manifest.epoch, wanted=origin.epoch)
    named = {part.file for part in manifest.parts}
    missing = sorted(name for name in named if not (path / name).exists())
    if missing:
        raise NotOurs(path, f"{missing[0]}, which its {MANIFEST} names, is not there")
    for part in path.glob("*.parquet"):
        if part.name not in named:
            part.unlink()  # we were stopped between a part and its line in the manifest
    return manifest


def _store(path: Path, manifest: Manifest) -> None:
    new = path / f"{MANIFEST}.new"
    with new.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        file.flush()
        os.fsync(file.fileno())
    new.rename(path / MANIFEST)
    sync_folder(path)


def _synced_digest(file: Path) -> str:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        return hashlib.file_digest(opened, "sha256").hexdigest()
