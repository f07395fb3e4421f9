"""A document finds its listeners: by id, by owner, and those of everything."""

from dataclasses import dataclass

from projections.reads import EVERYTHING, Selection
from service.feed.listeners import Listeners


@dataclass(frozen=True)
class Ear:
    name: str
    selection: Selection


ONE = Ear("one", Selection(documents=frozenset({"a", "b"})))
OWNER = Ear("owner", Selection(owner="ann"))
ALL = Ear("all", EVERYTHING)


def all_of_them() -> Listeners[Ear]:
    listeners: Listeners[Ear] = Listeners()
    for ear in (ONE, OWNER, ALL):
        listeners.add(ear)
    return listeners


def test_a_document_finds_everybody_who_chose_it() -> None:
    assert set(all_of_them().of("a", "ann")) == {ONE, OWNER, ALL}
    assert set(all_of_them().of("c", "ann")) == {OWNER, ALL}
    assert set(all_of_them().of("b", "bob")) == {ONE, ALL}
    assert set(all_of_them().of("c", "bob")) == {ALL}


def test_whoever_left_is_found_no_more() -> None:
    listeners = all_of_them()

    for ear in (ONE, OWNER, ALL):
        listeners.discard(ear)

    assert not listeners.any_of("a", "ann")
