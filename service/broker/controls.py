"""What the API can ask about queues, flow-control keys and the engine's own limit."""

from collections.abc import Callable

from service.broker.delivery import Engine
from service.broker.errors import Unknown
from service.broker.flow import FlowState
from service.broker.flow_keys import FlowWish
from service.broker.queues import Queue, QueueWish
from service.broker.store import Store

__all__ = ["Controls"]


class Controls:
    """Changes are durable, and in force, when a call returns."""

    def __init__(self, *, store: Store, engine: Engine, clock: Callable[[], int]) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock

    async def put_queue(
        self, name: str, *, parallelism: int | None = None, paused: bool | None = None
    ) -> None:
        """Makes a queue or changes it; None leaves things as they are (new: 1, not paused)."""
        await self._change_queue(name, create=True, parallelism=parallelism, paused=paused)

    async def pause_queue(self, name: str, *, paused: bool) -> None:
        """Stops or resumes giving turns; it takes messages all the same."""
        await self._change_queue(name, create=False, paused=paused)

    async def queue(self, name: str) -> Queue:
        """One queue."""
        found = await self._store.queues(name)
        if not found:
            raise Unknown(f"queue {name} not found")
        return found[0]

    async def queues(self) -> list[Queue]:
        """All queues, by name."""
        return await self._store.queues(None)

    async def delete_queue(self, name: str) -> None:
        """Deletes a queue; what still waits in it is delivered, in its order."""
        gone = await self._store.delete_queue(name)
        self._engine.look()
        if not gone:
            raise Unknown(f"queue {name} not found")

    async def flow_key(self, key: str) -> FlowState:
        """One flow-control key."""
        found = await self._store.flow_keys(now=self._clock(), key=key)
        if not found:
            raise Unknown(f"flow control key {key} not found")
        return found[0]

    async def flow_keys(self, search: str | None = None) -> list[FlowState]:
        """The flow-control keys that contain `search`, by name, up to a thousand."""
        return await self._store.flow_keys(now=self._clock(), search=search)

    async def pause_key(self, key: str, *, paused: bool) -> None:
        """Stops or resumes the deliveries of a key; pausing makes a key that is missing."""
        await self._change_key(FlowWish(key=key, at=self._clock(), create=paused, paused=paused))

    async def pin_key(
        self,
        key: str,
        *,
        parallelism: int | None = None,
        rate: int | None = None,
        period: int | None = None,
    ) -> None:
        """Fixes the given values against what later messages say; `period` in seconds."""
        wish = FlowWish(
            key=key,
            at=self._clock(),
            create=True,
            parallelism=parallelism,
            rate=rate,
            period=period,
        )
        await self._change_key(wish)

    async def unpin_key(self, key: str, *, parallelism: bool, rate: bool) -> None:
        """Lets later messages decide again; until then the values stay."""
        wish = FlowWish(key=key, at=self._clock(), unpin_parallelism=parallelism, unpin_rate=rate)
        await self._change_key(wish)

    async def reset_rate(self, key: str) -> None:
        """Begins a new period with nothing counted."""
        await self._change_key(FlowWish(key=key, at=self._clock(), reset_rate=True))

    def global_parallelism(self) -> tuple[int, int]:
        """How many attempts may be under way at once, and how many are."""
        return self._engine.most_at_once, self._engine.under_way

    async def _change_queue(
        self,
        name: str,
        *,
        create: bool,
        parallelism: int | None = None,
        paused: bool | None = None,
    ) -> None:
        wish = QueueWish(
            name=name, at=self._clock(), create=create, parallelism=parallelism, paused=paused
        )
        there = await self._store.change_queue(wish)
        self._engine.look()
        if not there:
            raise Unknown(f"queue {name} not found")

    async def _change_key(self, wish: FlowWish) -> None:
        there = await self._store.change_flow_key(wish)
        self._engine.look()
        if not there:
            raise Unknown(f"flow control key {wish.key} not found")
