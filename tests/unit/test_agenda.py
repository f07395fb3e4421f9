"""The agenda hands each duty out once, when it is due, and forgets none."""

from events.document.duties import Task
from events.document.facts import DocumentEvent
from service.agenda import Agenda, Due
from tests.facts import SECOND, life, published, recorded, registered, started, succeeded
from tests.fakes import START
from tests.unit.document.builders import POLICY

LATER = START + 10_000 * SECOND


def heard(*facts: DocumentEvent) -> Agenda:
    """An agenda that has heard these events from the first on."""
    agenda = Agenda(POLICY)
    for event in recorded(facts):
        assert agenda.hear(event)
    return agenda


def tasks(due: list[Due]) -> list[tuple[str, Task]]:
    return [(one.document.id, one.task) for one in due]


def test_a_new_document_is_to_be_published_at_once() -> None:
    agenda = heard(registered())

    assert agenda.next_at() == START + SECOND
    assert tasks(agenda.due(START + SECOND, 10)) == [("d1", Task.PUBLISH)]


def test_a_duty_is_not_handed_out_before_its_time() -> None:
    agenda = heard(registered())

    assert agenda.due(START, 10) == []


def test_a_duty_is_handed_out_once() -> None:
    agenda = heard(registered())

    assert len(agenda.due(LATER, 10)) == 1
    assert agenda.due(LATER, 10) == []


def test_a_duty_that_is_postponed_comes_back() -> None:
    agenda = heard(registered())
    agenda.due(LATER, 10)

    agenda.postpone("d1", Task.PUBLISH, LATER + 5)

    assert agenda.due(LATER, 10) == []
    assert tasks(agenda.due(LATER + 5, 10)) == [("d1", Task.PUBLISH)]


def test_what_is_no_duty_any_more_cannot_be_postponed() -> None:
    agenda = heard(registered(), *published())

    agenda.postpone("d1", Task.PUBLISH, LATER)
    agenda.postpone("nobody", Task.PUBLISH, LATER)

    assert tasks(agenda.due(LATER, 10)) == [("d1", Task.INQUIRE)]


def test_a_document_that_moves_gets_the_duty_of_its_new_state_and_loses_the_old() -> None:
    agenda = heard(registered(), published()[0])

    requested = START  # as the event says
    assert agenda.due(requested - 1, 10) == []
    assert tasks(agenda.due(requested, 10)) == [("d1", Task.REPUBLISH)]


def test_a_document_that_has_ended_is_forgotten() -> None:
    agenda = heard(*life())

    assert len(agenda) == 0
    assert agenda.due(LATER, 10) == []


def test_no_more_are_handed_out_than_asked_for_and_the_oldest_first() -> None:
    agenda = heard(*[registered(f"d{number}") for number in range(5)])

    first, rest = agenda.due(LATER, 2), agenda.due(LATER, 10)

    assert tasks(first) == [("d0", Task.PUBLISH), ("d1", Task.PUBLISH)]
    assert len(rest) == 3


def test_an_event_of_an_unknown_document_asks_for_the_document() -> None:
    agenda = Agenda(POLICY)
    [_, second, *_] = recorded([registered(), *published()])

    assert not agenda.hear(second)


def test_an_event_that_is_heard_twice_changes_nothing() -> None:
    log = recorded([registered(), *published(), *started()])
    agenda = heard(registered(), *published(), *started())
    before = agenda.due(LATER, 10)

    assert all(agenda.hear(event) for event in log)

    assert tasks(before) == [("d1", Task.EXPIRE)]
    assert agenda.due(LATER, 10) == []


def test_a_document_can_be_taken_over_as_it_is() -> None:
    told = heard(registered())
    [due] = told.due(LATER, 1)
    agenda = Agenda(POLICY)

    agenda.start_with(due.document, version=1, heard_at=START)
    [_, *later] = recorded([registered(), *published(), *started(), succeeded()])

    assert all(agenda.hear(event) for event in later)
    assert len(agenda) == 0


def test_the_end_of_one_document_leaves_the_others() -> None:
    facts = [registered("d2"), *life("d1")]
    agenda = Agenda(POLICY)
    for event in recorded(facts):
        agenda.hear(event)

    assert tasks(agenda.due(LATER, 10)) == [("d2", Task.PUBLISH)]
