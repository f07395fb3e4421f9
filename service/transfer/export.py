"""From the log to an export, page by page: however long the log is, a page is all we hold of it."""

from collections.abc import Awaitable, Callable, Sequence

from events.chain import GENESIS
from events.errors import WaybillError
from events.heads import Head
from events.store import EventStore, Stored
from events.verify import Damage, Verifier
from service.transfer.targets import Origin, Reached, Target

PAGE = 2000
"""Events in one read. More would not be quicker."""

Reveal = Callable[[Sequence[Stored]], Awaitable[Sequence[Stored]]]
OnEvents = Callable[[int], object]
"""Hears how many events are done since it was last called."""


class OtherHistory(WaybillError):
    """The export and the log hold different events at the same position."""


class Damaged(WaybillError):
    """The log is not sound; the export holds what stands before."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(
            f"position {position} of the log is bad: {why}; the export goes up to the one before, "
            "and `waybill verify` tells more"
        )


async def origin_of(store: EventStore) -> Origin:
    """Where the events of this database begin."""
    floor = await store.floor()
    before = None if floor else GENESIS
    return Origin(epoch=await store.epoch(), first=floor + 1, chain_before=before)


async def export(
    store: EventStore,
    target: Target,
    *,
    upto: int,
    on_events: OnEvents,
    revealed: Reveal | None = None,
) -> None:
    """Write every event behind what the target holds, up to this position.

    ``revealed`` turns a page as it is stored into what the target is given. Raises ``OtherHistory``
    if what the target holds is not of this log, and ``Damaged`` behind the last sound event.
    """
    reached = target.reached
    await _check(store, reached, upto=upto)
    verifier = None if reached.chain is None else _verifier(reached.position, reached.chain)
    while (after := target.reached.position) < upto:
        page = await store.read_stored(after=after, limit=min(PAGE, upto - after))
        sound, damage = _sound(page, after, verifier)
        if sound:
            target.write(await revealed(sound) if revealed else sound)
            on_events(len(sound))
            verifier = _verifier(sound[-1].position, sound[-1].chain)
        if damage is not None:
            raise Damaged(damage.position, damage.why)


def _verifier(position: int, chain: bytes) -> Verifier:
    """A new one for each page: what it remembers of streams would grow with the log."""
    return Verifier(after=Head(position, 0, chain))


def _sound(
    page: Sequence[Stored], after: int, verifier: Verifier | None
) -> tuple[Sequence[Stored], Damage | None]:
    """The events before the first that is damaged, and what is wrong with that one."""
    if not page:
        return page, Damage(after + 1, "nothing is stored there, and the log goes on")
    trusted = 0
    if verifier is None:
        # What the first event is sealed to is archived: the check begins behind it.
        verifier, trusted = _verifier(page[0].position, page[0].chain), 1
    damage = verifier.check(page[trusted:])
    return page[: verifier.head.position - after], damage


async def _check(store: EventStore, reached: Reached, *, upto: int) -> None:
    if reached.position > upto:
        raise OtherHistory(
            f"it holds events up to position {reached.position}, and the log ends at {upto}: "
            "is it the export of another log, or was an older copy of the log put back?"
        )
    if reached.position <= await store.floor():
        return
    [there] = await store.read_stored(after=reached.position - 1, limit=1)
    if reached.chain is not None and there.chain != reached.chain:
        raise OtherHistory(
            f"its event at position {reached.position} is not the one in the log: one of the two "
            "was changed, or an older copy of the log was put back and went on differently; "
            "`waybill verify` tells whether the log is sound"
        )
