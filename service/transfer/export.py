"""From the log to an export, page by page: however long the log is, a page is all we hold of it."""

from collections.abc import Callable

from events.chain import GENESIS
from events.errors import WaybillError
from events.store import EventStore
from service.transfer.targets import Origin, Reached, Target

PAGE = 2000
"""Events in one read. More would not be quicker."""

OnEvents = Callable[[int], object]
"""Hears how many events are done since it was last called."""


class OtherHistory(WaybillError):
    """The export and the log hold different events at the same position."""


async def origin_of(store: EventStore) -> Origin:
    """Where this log begins."""
    return Origin(epoch=await store.epoch(), first=await store.floor() + 1, chain_before=GENESIS)


async def export(store: EventStore, target: Target, *, upto: int, on_events: OnEvents) -> None:
    """Write every event behind what the target holds, up to this position.

    Raises ``OtherHistory`` if what it holds is not of this log.
    """
    await _check(store, target.reached, upto=upto)
    while (after := target.reached.position) < upto:
        page = await store.read_stored(after=after, limit=min(PAGE, upto - after))
        if not page:
            return
        target.write(page)
        on_events(len(page))


async def _check(store: EventStore, reached: Reached, *, upto: int) -> None:
    if reached.position > upto:
        raise OtherHistory(
            f"it holds events up to position {reached.position}, and the log ends at {upto}: "
            "is it the export of another log, or was an older copy of the log put back?"
        )
    if reached.position <= await store.floor():
        return
    [there] = await store.read_stored(after=reached.position - 1, limit=1)
    if there.chain != reached.chain:
        raise OtherHistory(
            f"its event at position {reached.position} is not the one in the log: one of the two "
            "was changed, or an older copy of the log was put back and went on differently; "
            "`waybill verify` tells whether the log is sound"
        )
