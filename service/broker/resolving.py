"""Names to addresses, once for a connection: only those that deliveries may go to are given on."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from service.broker.reach import Reach

__all__ = ["CheckedResolver", "NotAllowed"]


class NotAllowed(OSError):
    """A name leads only to where no delivery may go."""


class CheckedResolver(AbstractResolver):
    """Asks another resolver; the connection is made to what passes, without a second look-up."""

    def __init__(self, resolver: AbstractResolver, reach: Reach) -> None:
        self._resolver = resolver
        self._reach = reach

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The allowed addresses of a host; raises `NotAllowed` if it has only others."""
        found = await self._resolver.resolve(host, port, family)
        refusals = [self._reach.refusal(host, one["host"], port) for one in found]
        passed = [one for one, no in zip(found, refusals, strict=True) if no is None]
        if found and not passed:
            raise NotAllowed(next(refusal for refusal in refusals if refusal))
        return passed

    async def close(self) -> None:
        """Closes the other one."""
        await self._resolver.close()
