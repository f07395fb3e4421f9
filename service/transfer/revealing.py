"""Events as an analyst may read them: personal fields that were sealed are opened.

What can no longer be opened, because its key was destroyed, says so in its place.
"""

from collections.abc import Sequence

import msgspec

from events.codec import encode
from events.sql import SqlEventStore
from events.store import Recorded, Stored, Unreadable

SEALED = b'"sealed.v'
"""What a sealed field begins with, in the stored JSON."""


async def revealed(store: SqlEventStore, page: Sequence[Stored]) -> list[Stored]:
    """The same events with their data opened; the chain is still that of what is stored."""
    sealed = [stored for stored in page if SEALED in stored.data]
    opened = dict(zip((one.position for one in sealed), await store.opened(sealed), strict=True))
    return [_replaced(stored, opened.get(stored.position)) for stored in page]


def _replaced(stored: Stored, opened: Recorded | None) -> Stored:
    if opened is None or isinstance(opened.fact, Unreadable):
        return stored
    return msgspec.structs.replace(stored, data=encode(opened.fact).data)
