"""The keys of a log as a file of their own, so that a copy of the log can be opened, or not.

The first line names the log; each further one is a block of keys, ``secrets`` in base64, zeros for
those that were destroyed. Whoever has it and an export of the log can read all that is sealed.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from events.document.facts import DocumentErased
from events.keys import BLOCK, KEY_BYTES, KeyBlock
from events.store import EventStore
from service.erasure import sealed_events
from service.storage.drafts import sync_folder
from service.transfer.restore import NotRestored
from service.transfer.targets import NotOurs
from service.vault import Vault

FORMAT = 1
LONGEST_LINE = 64 * 1024
BATCH = 100
"""Blocks that are read, or committed, together."""


class Heading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line: whose keys these are."""

    waybill_keys: int = FORMAT
    epoch: str


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every further line."""

    number: int
    secrets: bytes


_ENCODER = msgspec.json.Encoder()
_HEADING = msgspec.json.Decoder(Heading)
_LINE = msgspec.json.Decoder(Line)


async def write_keys(vault: Vault, file: Path, *, epoch: str) -> int:
    """Write all keys, in place of an older file of this log; how many blocks. For our eyes only."""
    _check_older(file, epoch)
    draft = file.with_name(f".{file.name}.unfinished")
    with suppress(FileNotFoundError):
        draft.unlink()
    count = 0
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(_ENCODER.encode(Heading(epoch=epoch)) + b"\n")
        after = 0
        while blocks := await vault.keys.blocks(after=after, limit=BATCH):
            for block in blocks:
                line = Line(number=block.number, secrets=block.secrets)
                opened.write(_ENCODER.encode(line) + b"\n")
            after = blocks[-1].number
            count += len(blocks)
        opened.flush()
        os.fsync(opened.fileno())
    draft.replace(file)
    sync_folder(file.parent)
    return count


async def restore_keys(vault: Vault, file: BinaryIO, store: EventStore) -> int:
    """Add the keys that are not there; how many blocks that were. Raises ``NotRestored``.

    The keys of documents that the log says were erased are destroyed, wherever they came from.
    """
    _check_heading(file.readline(LONGEST_LINE), await store.epoch())
    added, batch = 0, list[KeyBlock]()
    for block in _blocks(file):
        batch.append(block)
        if len(batch) == BATCH:
            added += await vault.keys.restore(batch)
            batch = []
    added += await vault.keys.restore(batch)
    await _destroy_erased(vault, store)
    return added


async def _destroy_erased(vault: Vault, store: EventStore) -> None:
    after = await store.floor()
    while page := await store.read_all(after=after):
        for event in page:
            if isinstance(event.fact, DocumentErased):
                stream = await store.read_stream(event.stream)
                await vault.sealing.destroy(await sealed_events(store, stream))
        after = page[-1].position
    await vault.database.scrub(rewrite=False)


def _check_older(file: Path, epoch: str) -> None:
    try:
        with file.open("rb") as opened:
            found = _HEADING.decode(opened.readline(LONGEST_LINE))
    except FileNotFoundError:
        return
    except msgspec.MsgspecError:
        raise NotOurs(file, "it is no file of keys") from None
    if found.epoch != epoch:
        raise NotOurs(file, f"it holds the keys of another log ({found.epoch}, this is {epoch})")


def _check_heading(line: bytes, epoch: str) -> None:
    try:
        heading = _HEADING.decode(line)
    except msgspec.MsgspecError as error:
        raise NotRestored(f"line 1 of the keys: {error}; is it a file of keys?") from error
    if heading.waybill_keys != FORMAT:
        raise NotRestored(f"line 1 of the keys: format {heading.waybill_keys} is not known here")
    if heading.epoch != epoch:
        raise NotRestored(
            f"these are the keys of another log ({heading.epoch}); this one is {epoch}"
        )


def _blocks(file: BinaryIO) -> Iterator[KeyBlock]:
    number = 1
    while text := file.readline(LONGEST_LINE):
        number += 1
        try:
            line = _LINE.decode(text)
        except msgspec.MsgspecError as error:
            raise NotRestored(f"line {number} of the keys: {error}") from error
        if len(line.secrets) != BLOCK * KEY_BYTES or line.number < 1:
            raise NotRestored(f"line {number} of the keys is no block of {BLOCK} keys")
        yield KeyBlock(line.number, line.secrets)
