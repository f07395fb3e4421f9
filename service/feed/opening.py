"""From a cursor to the first messages of a stream: what changed since, or everything anew."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from projections.documents import Tracked
from projections.reads import Selection
from service.feed import frames
from service.feed.cursor import Cursor, at, parse
from service.feed.frames import Frame, ResetReason
from service.feed.reader import Reader

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Where a client stands after these messages: it knows everything up to ``position``."""

    position: int
    mark: str
    changed: tuple[Frame, ...] = ()
    """What a client that resumes has missed, the oldest change first."""
    states: tuple[bytes, ...] | None = None
    """All documents, for a client that begins anew."""
    reset: ResetReason | None = None
    more: bool = False
    """There are older documents than a snapshot of many can name."""
    unfinished: frozenset[str] = frozenset()

    def messages(self, have: str | None) -> list[bytes]:
        """The messages that bring the client there, without the ``hello``."""
        if self.states is None:
            return [frame.data for frame in self.changed]
        said = [frames.reset(self.reset, have or "")] if self.reset else []
        return said + frames.snapshot(self.states, self.mark, more=self.more)


class Opener:
    """Judges cursors and reads beginnings.

    ``news`` returns when the tables have moved, or after a second; ``patience`` counts how often a
    cursor that is ahead of them waits for that.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        epoch: str,
        replay: int,
        patience: int,
        news: Callable[[], Awaitable[None]],
    ) -> None:
        self._reader = reader
        self._epoch = epoch
        self._replay = replay
        self._patience = patience
        self._news = news

    async def open(self, selection: Selection, have: str | None) -> Opening:
        """The beginning for a client that holds this cursor, or none."""
        if have is None:
            return await self._anew(selection, None)
        judged = await self.judge(have)
        if not isinstance(judged, Cursor):
            return await self._anew(selection, judged)
        return await self.resume(selection, judged.position, too_far="too_far")

    async def judge(self, text: str) -> Cursor | ResetReason:
        """The cursor, if it is one of this log; else what is wrong with it."""
        cursor = parse(text)
        if cursor is None:
            return "malformed"
        if cursor.epoch != self._epoch:
            return "epoch"
        chain = await self._patiently(lambda: self._reader.chain(cursor.position))
        if chain is None:
            return "ahead"
        return cursor if at(self._epoch, cursor.position, chain) == cursor else "diverged"

    async def resume(self, selection: Selection, after: int, *, too_far: ResetReason) -> Opening:
        """What changed behind ``after``, unless that is too much."""
        found = await self._patiently(lambda: self._since(selection, after))
        if found is None:
            return await self._anew(selection, "ahead")
        position, changed, unfinished = found
        if len(changed) > self._replay:
            return await self._anew(selection, too_far)
        return Opening(
            position=position,
            mark=await self.cursor_at(position),
            changed=tuple(await self.frames(changed)),
            unfinished=unfinished,
        )

    async def frames(self, changed: Sequence[Tracked]) -> list[Frame]:
        """These documents as messages; ``changed`` is in the order of their positions."""
        if not changed:
            return []
        chains = await self._reader.chains(after=changed[0].position - 1, upto=changed[-1].position)
        return [
            frames.status(one, str(at(self._epoch, one.position, chains[one.position])))
            for one in changed
        ]

    async def cursor_at(self, position: int) -> str:
        """The cursor of a position that the log has reached."""
        chain = await self._reader.chain(position)
        if chain is None:
            raise ValueError(f"the log does not reach position {position}, so it has no cursor")
        return str(at(self._epoch, position, chain))

    async def _anew(self, selection: Selection, reason: ResetReason | None) -> Opening:
        position, found = await self._reader.snapshot(selection, limit=self._replay + 1)
        # Whoever names ids gets them all; only a list of everything has to end somewhere.
        more = selection.documents is None and len(found) > self._replay
        kept = sorted(found[: self._replay] if more else found, key=_position)
        missing = _missing(selection, kept)
        return Opening(
            position=position,
            mark=await self.cursor_at(position),
            states=(*map(frames.unknown, sorted(missing)), *map(frames.known, kept)),
            reset=reason,
            more=more,
            unfinished=missing | _unfinished(kept),
        )

    async def _since(
        self, selection: Selection, after: int
    ) -> tuple[int, list[Tracked], frozenset[str]] | None:
        """What changed and what is not final; ``None`` if the tables are not there yet."""
        if selection.documents is None:
            position, changed = await self._reader.changed(
                selection, after=after, limit=self._replay + 1
            )
            return (position, changed, frozenset()) if position >= after else None
        position, found = await self._reader.snapshot(selection, limit=len(selection.documents))
        changed = sorted((one for one in found if one.position > after), key=_position)
        unfinished = _missing(selection, found) | _unfinished(found)
        return (position, changed, unfinished) if position >= after else None

    async def _patiently(self, ask: Callable[[], Awaitable[T | None]]) -> T | None:
        for _ in range(self._patience):
            answer = await ask()
            if answer is not None:
                return answer
            await self._news()
        return await ask()


def _position(tracked: Tracked) -> int:
    return tracked.position


def _missing(selection: Selection, found: Sequence[Tracked]) -> frozenset[str]:
    return (selection.documents or frozenset()) - {one.document.id for one in found}


def _unfinished(found: Sequence[Tracked]) -> frozenset[str]:
    return frozenset(one.document.id for one in found if not one.document.status.final)
