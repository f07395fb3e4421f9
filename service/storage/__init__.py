"""Where bytes live: documents and results, in a folder or in any bucket, behind one small protocol.

Reading order: `objects` (the promise every keeper keeps), `drafts`, `folder`, `bucket`.
"""

from pathlib import Path

from service.storage.folder import FolderStore
from service.storage.objects import BadObjectName, Listed, ObjectMissing, ObjectStore, Stored

__all__ = [
    "BadObjectName",
    "FolderStore",
    "Listed",
    "ObjectMissing",
    "ObjectStore",
    "Stored",
    "open_storage",
]


def open_storage(place: str | Path) -> ObjectStore:
    """Opens a folder (a path of ours, or `file:///...`) or a bucket (`s3://`, `gs://`, `az://`)."""
    if isinstance(place, Path):
        return FolderStore(place, alone=True)  # in the data folder, which is locked
    if place.startswith("file://"):
        return FolderStore(Path(place.removeprefix("file://")))
    if "://" not in place:
        return FolderStore(Path(place))
    from service.storage.bucket import open_bucket  # its library is loaded by those who use it

    return open_bucket(place)
