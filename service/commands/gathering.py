"""Which documents an upload means: files, every PDF in a folder, or standard input."""

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from service.commands.endings import Unusable

STANDARD_INPUT = Path("-")
MOST_FILES = 100_000
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file to upload, and the name under which it is shown."""

    path: Path
    name: str
    size: int


@contextmanager
def gathered(paths: Sequence[Path], *, name: str | None) -> Iterator[list[Source]]:
    """The sources in the order given; what came from standard input lies in a file meanwhile."""
    if name and len(paths) != 1:
        raise Unusable("--name fits one document only; leave it out, or give one PATH")
    with TemporaryDirectory(prefix="waybill-") as folder:
        found = [
            source for path in paths for source in _sources(path, folder=Path(folder), name=name)
        ]
        if len(found) > MOST_FILES:
            raise Unusable(f"these are {len(found)} files, {MOST_FILES} at once is the most")
        yield found


def idempotency_key(source: Source, *, owner: str, processor: str) -> str:
    """The same bytes under the same name, for the same owner and processor: the same document."""
    with source.path.open("rb") as opened:
        content = hashlib.file_digest(opened, "sha256").hexdigest()
    said = "\0".join((content, source.name, owner, processor))
    return f"upload-{hashlib.sha256(said.encode()).hexdigest()}"


def pieces(path: Path, on_piece: Callable[[int], None]) -> Iterator[bytes]:
    """The file's bytes; `on_piece` hears how many went out."""
    with path.open("rb") as opened:
        while piece := opened.read(_PIECE):
            yield piece
            on_piece(len(piece))


def _sources(path: Path, *, folder: Path, name: str | None) -> Iterator[Source]:
    if path == STANDARD_INPUT:
        kept = folder / "standard-input"
        with kept.open("wb") as target:
            shutil.copyfileobj(sys.stdin.buffer, target, _PIECE)
        yield _source(kept, name or "standard-input.pdf")
    elif path.is_dir():
        yield from _pdfs_in(path, name)
    elif path.is_file():
        yield _source(path, name or path.name)
    else:
        raise Unusable(f"there is no file or folder {str(path)!r}")


def _pdfs_in(folder: Path, name: str | None) -> Iterator[Source]:
    if name:
        raise Unusable(f"--name fits one document only, and {str(folder)!r} is a folder")
    found = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() == ".pdf" and path.is_file()
    )
    if not found:
        raise Unusable(f"there is no *.pdf in the folder {str(folder)!r}")
    for path in found:
        yield _source(path, path.name)


def _source(path: Path, name: str) -> Source:
    return Source(path=path, name=name, size=path.stat().st_size)
