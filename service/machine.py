"""What the machine under us has that an operator must know of: its SQLite, its file system."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
"""Linux's list of what is mounted where; elsewhere there is none, and nothing is warned of."""

NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
    | {"fuse.ceph", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs"}
)

Version = tuple[int, int, int]


def warnings_of_machine(data: Path) -> Iterator[str]:
    """What works here, but should be known before the data folder is trusted to it."""
    if has_wal_reset_bug(sqlite3.sqlite_version_info):
        yield (
            f"SQLite {sqlite3.sqlite_version} is older than 3.51.3: let no other program write the "
            "data folder's files while Waybill runs"
        )
    kind = network_file_system(data)
    if kind is not None:
        yield (
            f"the data folder {data} is on a network file system ({kind}), where SQLite's locks "
            "and durability cannot be relied on; use a local disk, or PostgreSQL"
        )


def has_wal_reset_bug(version: Version) -> bool:
    """Whether this SQLite can damage a file when one connection checkpoints while another commits.

    All from 3.7.0 on can; it was repaired in 3.51.3, and in 3.50.7 and 3.44.6 for those who stay.
    """
    repaired = ((3, 44, 6), (3, 50, 7))
    if any(version[:2] == fixed[:2] and version >= fixed for fixed in repaired):
        return False
    return version < (3, 51, 3)


def network_file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """The kind of network file system the folder is on; ``None`` if it is on this machine."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return None
    place = folder.resolve()
    kind, longest = "", -1
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(_unescaped(before.split(" ")[4]))
        if place.is_relative_to(point) and len(point.parts) >= longest:
            kind, longest = after.split(" ")[0], len(point.parts)
    return kind if kind in NETWORK_FILE_SYSTEMS else None


def _unescaped(text: str) -> str:
    """The kernel writes blanks and backslashes in octal."""
    for code in ("\\040", "\\011", "\\012", "\\134"):
        text = text.replace(code, chr(int(code[1:], 8)))
    return text
