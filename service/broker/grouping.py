"""What the API can ask about URL groups."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from service.broker.errors import Malformed, Unknown
from service.broker.group_rows import GroupChange
from service.broker.groups import Endpoint, Group, added, removed
from service.broker.message import Headers
from service.broker.names import checked_name
from service.broker.reach import EVERYWHERE, Reach
from service.broker.store import Store

__all__ = ["Groups"]


class Groups:
    """Groups by name; every change is durable when it returns."""

    def __init__(
        self, *, store: Store, clock: Callable[[], int], reach: Reach = EVERYWHERE
    ) -> None:
        self._reach = reach
        self._store = store
        self._clock = clock

    async def get(self, name: str) -> Group:
        """One group."""
        return _there(await self._store.group(name), name)

    async def all(self) -> list[Group]:
        """All of them, by name."""
        return await self._store.groups()

    async def add(self, name: str, endpoints: Sequence[Endpoint]) -> None:
        """Adds or replaces endpoints; makes the group if there is none."""
        checked_name(name, of="url group name")
        if not endpoints:
            raise Malformed("endpoints: give at least one")
        for endpoint in endpoints:
            self._reach.check(endpoint.url, name="endpoint")
        now = self._clock()

        def make(group: Group | None) -> Group:
            start = group or Group(name=name, created_at=now, updated_at=now)
            return added(start, endpoints, at=now)

        await self._store.change_group(GroupChange(name=name, make=make))

    async def remove(self, name: str, endpoints: Sequence[Endpoint]) -> None:
        """Removes endpoints by name or URL; without endpoints there is no group."""
        now = self._clock()

        def make(group: Group | None) -> Group | None:
            left = removed(_there(group, name), endpoints, at=now)
            return left if left.endpoints else None

        await self._store.change_group(GroupChange(name=name, make=make))

    async def configure(self, name: str, defaults: Headers) -> None:
        """Sets what messages to the group are delivered with when they say nothing else."""
        now = self._clock()

        def make(group: Group | None) -> Group:
            return replace(_there(group, name), defaults=defaults, updated_at=now)

        await self._store.change_group(GroupChange(name=name, make=make))

    async def delete(self, name: str) -> None:
        """Deletes a group; that there is none is as good."""
        await self._store.change_group(GroupChange(name=name, make=lambda _: None))


def _there(group: Group | None, name: str) -> Group:
    if group is None:
        raise Unknown(f"url group {name} not found")
    return group
