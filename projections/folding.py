"""A page of the log folded into rows; an event that cannot be folded spoils as little as it may.

Pure: what the rows were before is an argument, and what follows is a value. When a fold fails on an
event (*poison*), a row that is made of one stream is set aside as it was before; if rows are made
of many streams, everything ends right before the event.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from events.store import Recorded, Unreadable
from projections.projection import Projection

S = TypeVar("S")

MOST_OF_AN_ERROR = 500
"""Characters of an error's text that are kept."""


@dataclass(frozen=True, slots=True)
class Poison:
    """An event that could not be folded; ``key`` is the row that is set aside for it, if any."""

    key: str | None
    position: int
    recorded_at: int
    error: str


@dataclass(slots=True)
class Page:
    """Which rows a page changes: the events for each, in the log's order."""

    events: list[tuple[str, Recorded]]
    begun: set[str]
    """Rows that surely begin in it, so that nothing of theirs is stored yet."""
    end: int
    """The position up to which all this tells."""
    left_out: int | None = None
    """The position of the first event that could not be read."""
    stop: Poison | None = None

    @property
    def needed(self) -> list[str]:
        """The rows whose state before the page is needed."""
        return list({key: None for key, _ in self.events if key not in self.begun})


@dataclass(slots=True)
class Folded(Generic[S]):
    """The rows that a page changed, and what it could not be folded into."""

    end: int
    states: dict[str, S] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    set_aside: dict[str, Poison] = field(default_factory=dict)
    left_out: int | None = None
    stop: Poison | None = None


def sort(projection: Projection[S], log: Sequence[Recorded], *, aside: Container[str]) -> Page:
    """Which rows these events change; rows that were set ``aside`` do not change any more."""
    page = Page([], set(), end=log[-1].position)
    key_of, begins = projection.key, projection.begins
    for event in log:
        if type(event.fact) is Unreadable:
            page.left_out = page.left_out or event.position
            continue
        try:
            key = key_of(event)
            if key is None or key in aside:
                continue
            if begins(event):
                page.begun.add(key)
        except Exception as error:
            page.stop = poison(None, event, error)
            page.end = event.position - 1
            break
        page.events.append((key, event))
    return page


def fold(projection: Projection[S], page: Page, before: Mapping[str, S]) -> Folded[S]:
    """The rows after this page; ``before`` are the states of the rows that it needed."""
    folded: Folded[S] = Folded(end=page.end, left_out=page.left_out, stop=page.stop)
    states, fold_one = folded.states, projection.fold
    for key, event in page.events:
        if folded.set_aside and key in folded.set_aside:
            continue
        try:
            state = states[key] if key in states else before.get(key)
            states[key] = fold_one(state, event)
        except Exception as error:
            if projection.stream(key) is None:
                folded.stop = poison(None, event, error)
                folded.end = event.position - 1
                break
            folded.set_aside[key] = poison(key, event, error)
    for key in list(states):
        found = _written(projection, page, before, folded, key)
        if found is not None and projection.stream(key) is None:
            return fold(projection, _cut(page, found), before)
    return folded


_Good = tuple[Any, dict[str, Any] | None, Poison]
"""The last state that could be stored, its row, and the event behind it."""


def _written(
    projection: Projection[S], page: Page, before: Mapping[str, S], folded: Folded[S], key: str
) -> Poison | None:
    """Add the row of this state; if it cannot be stored, set it aside as it was before that."""
    try:
        folded.rows.append(projection.row(key, folded.states[key]))
    except Exception as error:
        good = _last_good(projection, page, before, key, error)
    else:
        return None
    state, row, found = good
    del folded.states[key]
    folded.set_aside[key] = found
    if row is not None and state is not None:
        folded.states[key] = state
        folded.rows.append(row)
    return found


def _last_good(
    projection: Projection[S], page: Page, before: Mapping[str, S], key: str, error: Exception
) -> _Good:
    """Fold the row's events again, one by one, up to the one whose state cannot be stored."""
    state: S | None = before.get(key)
    row: dict[str, Any] | None = None
    last: Recorded | None = None
    for its, last in page.events:
        if its != key:
            continue
        try:
            following = projection.fold(state, last)
            row = projection.row(key, following)
        except Exception as found:
            return state, row, poison(key, last, found)
        state = following
    assert last is not None, "a state comes from an event"
    return state, row, poison(key, last, error)  # a fold that is not the same when repeated


def _cut(page: Page, found: Poison) -> Page:
    """The page up to this event, without it."""
    events = [one for one in page.events if one[1].position < found.position]
    stop = Poison(None, found.position, found.recorded_at, found.error)
    left_out = page.left_out if (page.left_out or 0) < found.position else None
    return Page(events, page.begun, end=found.position - 1, left_out=left_out, stop=stop)


def poison(key: str | None, event: Recorded, error: BaseException) -> Poison:
    """This event, and what went wrong with it: the first line, for others may quote whole rows."""
    text = f"{type(error).__name__}: {error}".partition("\n")[0][:MOST_OF_AN_ERROR]
    return Poison(key, event.position, event.recorded_at, text)


def is_readable(event: Recorded) -> bool:
    """Whether this code can read the event; if not, every fold leaves it out."""
    return not isinstance(event.fact, Unreadable)
