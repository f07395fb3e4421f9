"""An event that cannot be folded spoils as little as it may."""

from typing import Any

from msgspec.structs import replace

from events.store import Recorded, Unreadable
from projections.folding import Folded, fold, sort
from projections.projection import Projection
from tests.facts import interleaved, life, recorded

LOG = recorded(interleaved([life("good"), life("bad")]))
POISON = 9


class Counts(Projection[dict[str, int]]):
    """How many events each document has had; position ``POISON`` cannot be folded."""

    name = "counts"
    version = 1
    state = dict[str, int]
    poison = "fold"

    def key(self, event: Recorded) -> str | None:
        if self.poison == "key" and event.position == POISON:
            raise ValueError("no key")
        return event.fact.document_id

    def stream(self, key: str) -> str | None:
        return f"document-{key}"

    def fold(self, state: dict[str, int] | None, event: Recorded) -> dict[str, int]:
        if self.poison == "fold" and event.position == POISON:
            raise ValueError("bad luck")
        before = state or {"count": 0, "spoilt": 0}
        spoilt = before["spoilt"] or (self.poison == "row" and event.position == POISON)
        return {"count": before["count"] + 1, "spoilt": int(spoilt)}

    def columns(self, state: dict[str, int]) -> dict[str, Any]:
        if state["spoilt"]:
            raise ValueError("no row")
        return {}


class OfAll(Counts):
    """The same, in one row for all."""

    name = "of_all"
    version = 1

    def key(self, event: Recorded) -> str | None:
        return "all" if super().key(event) else None

    def stream(self, key: str) -> str | None:
        return None


def folded(projection: Counts, poison: str, log: list[Recorded] = LOG) -> Folded[dict[str, int]]:
    projection.poison = poison
    return fold(projection, sort(projection, log, aside=()), {})


def key_of_poison() -> str:
    return LOG[POISON - 1].fact.document_id


def test_a_row_is_set_aside_as_it_was_before_and_the_others_go_on() -> None:
    for poison in ("fold", "row"):
        result = folded(Counts(), poison)

        bad, good = key_of_poison(), "good" if key_of_poison() == "bad" else "bad"
        assert result.stop is None and result.end == len(LOG)
        assert result.set_aside[bad].position == POISON
        assert result.states[bad]["count"] == (POISON - 1) // 2
        assert result.states[good]["count"] == len(life())
        assert {row["key"] for row in result.rows} == {bad, good}


def test_rows_made_of_many_streams_stop_right_before_the_event() -> None:
    for poison in ("fold", "row"):
        result = folded(OfAll(), poison)

        assert result.stop is not None
        assert (result.end, result.stop.position) == (POISON - 1, POISON)
        assert result.states["all"]["count"] == POISON - 1
        assert result.set_aside == {} or poison == "row"


def test_an_event_of_unknown_key_stops_everything_right_before_it() -> None:
    result = folded(Counts(), "key")

    assert result.stop is not None
    assert (result.end, result.stop.position) == (POISON - 1, POISON)
    assert "no key" in result.stop.error


def test_a_row_that_was_set_aside_does_not_change_any_more() -> None:
    page = sort(Counts(), LOG[POISON:], aside={"bad"})

    assert {key for key, _ in page.events} == {"good"}


def test_an_event_that_cannot_be_read_is_left_out_and_remembered() -> None:
    log = list(LOG)
    log[4] = unreadable(log[4])
    log[6] = unreadable(log[6])

    result = folded(Counts(), "none", log)

    assert result.left_out == 5
    assert sum(state["count"] for state in result.states.values()) == len(LOG) - 2


def test_a_long_error_is_cut() -> None:
    class Long(Counts):
        name = "long"
        version = 1

        def fold(self, state: Any, event: Recorded) -> Any:
            raise ValueError("x" * 10_000)

    result = fold(Long(), sort(Long(), LOG, aside=()), {})

    assert all(len(one.error) <= 500 for one in result.set_aside.values())


def unreadable(event: Recorded) -> Recorded:
    fact = Unreadable(event.fact.document_id, "from_the_future", 9, "it is newer")
    return replace(event, fact=fact)
