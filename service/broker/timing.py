"""Waiting, as an argument: real in the product, driven by hand in tests."""

import asyncio
from typing import Protocol

__all__ = ["Wait", "wait_for"]


class Wait(Protocol):
    """Returns when `wake` is set, or when so many seconds have passed."""

    async def __call__(self, wake: asyncio.Event, seconds: float) -> None:
        """Waits."""
        ...


async def wait_for(wake: asyncio.Event, seconds: float) -> None:
    """Waits in real time."""
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return
