"""Thins out what a processor says about its progress, at the source, so that nobody is flooded."""

from collections.abc import Callable

from service.processing.processor import Progress

PROGRESS_EVERY = 0.1
"""Seconds between two messages; what was said in between is replaced by what comes after it."""


class ProgressThrottle:
    """Lets the first message through, then one each `PROGRESS_EVERY`, and the last on `flush`."""

    def __init__(self, send: Progress, monotonic: Callable[[], float]) -> None:
        self._send = send
        self._monotonic = monotonic
        self._next = 0.0
        self._held: tuple[int, int | None] | None = None

    def __call__(self, done: int, total: int | None) -> None:
        if not isinstance(done, int) or not isinstance(total, int | None) or done < 0:
            message = f"progress is counted in whole numbers from 0; got {done!r} of {total!r}"
            raise ValueError(message)
        now = self._monotonic()
        if now < self._next:
            self._held = (done, total)
            return
        self._next = now + PROGRESS_EVERY
        self._held = None
        self._send(done, total)

    def flush(self) -> None:
        if self._held is not None:
            self._send(*self._held)
            self._held = None
