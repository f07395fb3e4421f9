"""The golden files of stored events: ``events/<type>.v<version>.json``, canonical bytes.

A golden file is a promise: what was stored once can be read for ever. It is never edited; a new
version of an event adds a file.
"""

from pathlib import Path

from events import codec
from tests.golden.samples import SAMPLES

FOLDER = Path(__file__).parent / "events"


def golden_files() -> list[Path]:
    return sorted(FOLDER.glob("*.json"))


def type_and_version(path: Path) -> tuple[str, int]:
    """What the name of a golden file says."""
    type_name, version = path.stem.rsplit(".v", 1)
    return type_name, int(version)


def write_missing() -> list[Path]:
    """Write a file for each current event type that has none; existing ones stay as they are."""
    written = []
    for event in SAMPLES.values():
        encoded = codec.encode(event)
        path = FOLDER / f"{encoded.type}.v{encoded.schema_version}.json"
        if not path.exists():
            path.write_bytes(encoded.data)
            written.append(path)
    return written
