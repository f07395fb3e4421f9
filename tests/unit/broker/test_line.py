"""Who is sent next, and how many at once."""

from msgspec.structs import replace

from service.broker.line import Line
from service.broker.message import Message
from tests.unit.broker.test_window import to


def lined_up(line: Line, *hosts: str, each: int) -> None:
    for host in hosts:
        for number in range(each):
            line.put(to(host, number))


def taken(line: Line) -> list[Message]:
    found = []
    while (message := line.take()) is not None:
        found.append(message)
    return found


def hosts(messages: list[Message]) -> list[str]:
    return [message.host for message in messages]


def test_destinations_take_turns() -> None:
    line = Line(total=100, each=10)
    lined_up(line, "a", "b", each=3)

    assert hosts(taken(line)) == ["a", "b", "a", "b", "a", "b"]
    assert line.under_way == 6


def test_each_destination_sends_in_order() -> None:
    line = Line(total=100, each=10)
    lined_up(line, "a", each=5)

    assert [message.sequence for message in taken(line)] == [0, 1, 2, 3, 4]


def test_a_destination_has_no_more_than_its_share() -> None:
    line = Line(total=100, each=3)
    lined_up(line, "slow", each=9)
    lined_up(line, "fast", each=1)

    assert sorted(hosts(taken(line))) == ["fast", "slow", "slow", "slow"]
    assert line.starving


def test_there_is_always_an_attempt_left_for_one_more_destination() -> None:
    line = Line(total=16, each=10)
    for number in range(4):
        lined_up(line, f"dead{number}", each=20)
        taken(line)

    lined_up(line, "fine", each=1)

    assert hosts(taken(line)) == ["fine"]


def test_a_finished_attempt_lets_the_next_one_go() -> None:
    line = Line(total=2, each=1)
    lined_up(line, "a", each=2)
    (first,) = taken(line)
    assert line.take() is None

    line.done(first)

    assert line.take() == replace(first, id="a1", sequence=1)


def test_it_starves_while_it_could_do_more() -> None:
    line = Line(total=2, each=2)

    assert line.starving


def test_it_does_not_starve_while_somebody_may_start() -> None:
    line = Line(total=2, each=2)
    lined_up(line, "a", "b", "c", each=1)

    assert not line.starving


def test_it_does_not_starve_when_all_attempts_are_under_way() -> None:
    line = Line(total=2, each=2)
    lined_up(line, "a", "b", "c", each=1)
    taken(line)

    assert not line.starving
