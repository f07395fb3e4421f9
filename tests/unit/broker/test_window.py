"""Who may enter the delivery engine."""

from msgspec.structs import replace

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


def to(host: str, number: int = 0) -> Message:
    return replace(PLAIN, id=f"{host}{number}", url=f"https://{host}/x", sequence=number)


def admitted(window: Window, host: str, count: int) -> list[Place]:
    places = []
    for number in range(count):
        message = to(host, number)
        places.append(window.admit(message, START))
        if places[-1] is Place.CLAIMED:
            window.enter(message)
    return places


def test_what_is_due_later_waits() -> None:
    assert Window(4).admit(replace(PLAIN, due_at=START + 1), START) is Place.WAITING


def test_queues_and_keys_let_go_what_is_theirs() -> None:
    window = Window(4)
    queued = replace(PLAIN, options=Options(queue="q", flow=FlowControl(key="k")))
    limited = replace(PLAIN, options=Options(flow=FlowControl(key="k")))

    assert window.admit(queued, START) is Place.QUEUED
    assert window.admit(replace(queued, due_at=START + 1), START) is Place.QUEUED
    assert window.admit(limited, START) is Place.PARKED
    assert window.admit(replace(limited, due_at=START + 1), START) is Place.WAITING

    reservation = window.reserve(START, starving=True)
    assert reservation is not None
    assert (reservation.lanes, reservation.due, reservation.aside) == (2, 0, {})


def test_no_destination_may_hold_more_than_it_leaves_free() -> None:
    window = Window(12)

    assert admitted(window, "slow", 8).count(Place.CLAIMED) == 6
    assert admitted(window, "dead", 8).count(Place.CLAIMED) == 3
    assert admitted(window, "fine", 1) == [Place.CLAIMED]


def test_a_message_lies_aside_behind_those_that_lie_there_already() -> None:
    window = Window(12)
    admitted(window, "a", 7)
    window.leave(to("a", 0))

    assert window.admit(to("a", 8), START) is Place.ASIDE
    assert window.admit(to("b", 9), START) is Place.CLAIMED


def test_a_destination_gets_more_when_it_has_come_down_to_a_quarter() -> None:
    window = Window(16)
    admitted(window, "a", 20)
    for number in range(4):
        window.leave(to("a", number))
    assert not window.wants_more(START, starving=False)
    window.leave(to("a", 4))

    reservation = window.reserve(START, starving=False)

    assert reservation is not None
    assert reservation.aside == {"a": 5}
    assert window.room == 16 - 3 - 5


def test_a_withdrawn_admission_makes_room_again() -> None:
    window = Window(1)

    place = window.admit(PLAIN, START)
    assert window.room == 0
    window.withdraw(PLAIN, place)

    assert window.room == 1


def test_a_reservation_ends_with_its_claim_whatever_that_brought() -> None:
    window = Window(8)
    window.notice(START)
    reservation = window.reserve(START, starving=False)
    assert reservation is not None
    assert (reservation.due, window.room) == (4, 4)

    window.release(reservation)

    assert window.room == 8
    assert window.take_due(to("a", 1))
    assert window.room == 7


def test_a_handful_is_claimed_only_when_attempts_would_starve() -> None:
    window = Window(16)
    admitted(window, "a", 8)
    admitted(window, "b", 4)
    window.notice(START)

    assert window.reserve(START, starving=False) is None
    reservation = window.reserve(START, starving=True)
    assert reservation is not None
    assert reservation.due == 2


def test_what_is_laid_aside_during_a_claim_is_not_forgotten() -> None:
    window = Window(8)
    window.aside_for("a")
    reservation = window.reserve(START, starving=True)
    assert reservation is not None

    window.aside_for("a")
    window.release(reservation)
    window.nothing_aside(["a"])

    assert window.reserve(START, starving=True) is not None


def test_nothing_is_let_go_in_a_crowd_until_somebody_leaves() -> None:
    window = Window(8)
    admitted(window, "a", 1)
    window.lanes_at = 0
    window.crowded()
    assert window.reserve(START, starving=True) is None
    assert window.next_look() is None

    window.leave(to("a", 0))

    assert window.wants_more(START, starving=True)


def test_bodies_count_too() -> None:
    window = Window(100)
    large = replace(PLAIN, body=bytes(40 * 1024 * 1024))

    places = [window.admit(replace(large, id=str(n)), START) for n in range(3)]

    assert places == [Place.CLAIMED, Place.CLAIMED, Place.ASIDE]


def test_only_the_first_due_time_is_news() -> None:
    window = Window(8)

    assert window.notice(START + 5) is True
    assert window.notice(START + 9) is False
    assert window.notice(START + 1) is True
    assert window.notice(None) is False
    assert window.next_due == START + 1
