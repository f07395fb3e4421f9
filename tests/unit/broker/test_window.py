"""Who may enter the delivery engine."""

from dataclasses import replace

from service.broker.flow import FlowControl
from service.broker.message import Message, Options, Place
from service.broker.window import Window
from tests.fakes import START

PLAIN = Message(
    id="msg_1",
    url="https://example.com",
    headers=(),
    body=b"",
    options=Options(),
    created_at=START,
    not_before=START,
    due_at=START,
)


def limited(number: int, *, parallelism: int = 1) -> Message:
    flow = FlowControl(key="k", parallelism=parallelism)
    return replace(PLAIN, id=f"msg_{number}", options=Options(flow=flow))


def test_what_is_due_later_waits() -> None:
    assert Window(4).admit(replace(PLAIN, due_at=START + 1), START) is Place.WAITING


def test_a_full_window_lets_the_rest_wait() -> None:
    window = Window(2)

    places = [window.admit(replace(PLAIN, id=str(n)), START) for n in range(3)]

    assert places == [Place.CLAIMED, Place.CLAIMED, Place.WAITING]
    assert window.room == 0


def test_a_withdrawn_reservation_makes_room_again() -> None:
    window = Window(1)

    place = window.admit(PLAIN, START)
    window.withdraw(PLAIN, place)

    assert window.room == 1


def test_those_that_wait_already_go_first() -> None:
    window = Window(4)
    window.notice(START)

    assert window.admit(PLAIN, START) is Place.WAITING


def test_a_key_without_a_free_slot_parks_its_messages() -> None:
    window = Window(8)

    places = [window.admit(limited(n, parallelism=2), START) for n in range(4)]

    assert places == [Place.CLAIMED, Place.CLAIMED, Place.PARKED, Place.PARKED]


def test_a_freed_slot_goes_to_a_parked_message_and_not_to_a_newcomer() -> None:
    window = Window(8)
    first = limited(1)
    window.admit(first, START)
    window.enter(first)
    window.admit(limited(2), START)

    window.leave(first)

    assert window.admit(limited(3), START) is Place.PARKED
    reservation = window.reserve(START)
    assert reservation is not None
    assert reservation.free == {"k": 1}
    assert window.reserve(START) is None


def test_what_a_claim_did_not_bring_is_given_back() -> None:
    window = Window(8)
    first = limited(1)
    window.admit(first, START)
    window.enter(first)
    window.admit(limited(2), START)
    window.leave(first)
    reservation = window.reserve(START)
    assert reservation is not None

    window.return_unused(reservation, ())
    window.nothing_parked(["k"])

    assert window.room == 8
    assert window.admit(limited(4), START) is Place.CLAIMED


def test_a_message_parked_during_a_claim_is_not_forgotten() -> None:
    window = Window(8)
    first = limited(1)
    window.admit(first, START)
    window.enter(first)
    window.admit(limited(2), START)
    window.leave(first)
    reservation = window.reserve(START)
    assert reservation is not None

    window.parked(limited(3))
    window.return_unused(reservation, ())
    window.nothing_parked(["k"])

    assert window.reserve(START) is not None


def test_a_due_message_is_parked_when_its_key_is_busy() -> None:
    window = Window(8)
    window.admit(limited(1), START)
    window.notice(START)
    reservation = window.reserve(START)
    assert reservation is not None

    entered = window.enter_due(limited(2))

    assert entered is False
    assert window.room == 8 - 1 - (reservation.due - 1)


def test_the_newest_message_of_a_key_decides_its_limit() -> None:
    window = Window(8)
    window.admit(limited(1, parallelism=1), START)

    assert window.admit(limited(2, parallelism=2), START) is Place.CLAIMED


def test_only_the_first_due_time_is_news() -> None:
    window = Window(8)

    assert window.notice(START + 5) is True
    assert window.notice(START + 9) is False
    assert window.notice(START + 1) is True
    assert window.notice(None) is False
    assert window.next_due == START + 1
