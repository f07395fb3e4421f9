"""QStash's signing keys: as configured, and renewed from QStash when they do not fit any more."""

from typing import Literal

import structlog

from service.clock import MICROSECONDS, Clock
from service.publisher import Publisher, Unreachable

log = structlog.get_logger(__name__)

BETWEEN_RENEWALS = 60 * MICROSECONDS
"""Forged requests must not make us ask QStash all the time."""


class SigningKeys:
    """The current key and the next; a delivery may be signed with either."""

    def __init__(self, current: str, following: str, *, publisher: Publisher, clock: Clock) -> None:
        self._current = current
        self._next = following
        self._publisher = publisher
        self._clock = clock
        self._renewed_at: int | None = None

    def pairs(self) -> list[tuple[Literal["current", "next"], str]]:
        """The keys in the order in which they are tried."""
        return [("current", self._current), ("next", self._next)]

    async def renew(self) -> bool:
        """Ask QStash for its keys; ``True`` if they have changed. At most once a minute."""
        now = self._clock()
        if self._renewed_at is not None and now < self._renewed_at + BETWEEN_RENEWALS:
            return False
        self._renewed_at = now
        try:
            current, following = await self._publisher.signing_keys()
        except Unreachable as error:
            log.warning("signing keys could not be renewed", error=str(error))
            return False
        changed = (current, following) != (self._current, self._next)
        self._current, self._next = current, following
        if changed:
            log.info("signing keys were renewed")
        return changed
