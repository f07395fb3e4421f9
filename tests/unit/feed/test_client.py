"""What waits for a client: the newest state of each document, and never what it knows already."""

import pytest

from projections.reads import Selection
from service.feed.client import Client, Subscription
from service.feed.frames import Frame


async def _write(_data: bytes, _more: bool) -> None:
    return None


def a_client(*, cap: int = 10, until_done: bool = False) -> Client:
    subscription = Subscription(
        selection=Selection(), cursor=None, until_done=until_done, address="192.0.2.1"
    )
    return Client(subscription, _write, now=0.0, deadline=60.0, cap=cap)


def a_frame(document_id: str, position: int, *, final: bool = False) -> Frame:
    return Frame(
        position=position,
        document_id=document_id,
        owner="ann",
        final=final,
        cursor=f"k3f9-{position}-000000",
        data=b"",
    )


def test_only_the_newest_state_of_a_document_waits() -> None:
    client = a_client()

    client.offer(a_frame("a", 1))
    client.offer(a_frame("a", 2))

    assert [frame.position for frame in client.take(10)] == [2]


def test_what_waits_is_taken_in_the_order_of_positions() -> None:
    client = a_client()
    for document_id, position in (("a", 1), ("b", 2), ("a", 3)):
        client.offer(a_frame(document_id, position))

    assert [frame.document_id for frame in client.take(1)] == ["b"]
    assert [frame.document_id for frame in client.take(1)] == ["a"]


def test_a_state_at_or_below_the_floor_is_no_news() -> None:
    client = a_client()
    client.rise(5, "k3f9-5-000000")

    client.offer(a_frame("a", 5))

    assert not client.waiting


def test_what_waits_is_forgotten_when_the_floor_rises_above_it() -> None:
    client = a_client()
    client.offer(a_frame("a", 4))
    client.offer(a_frame("b", 6))

    client.rise(5, "k3f9-5-000000")

    assert list(client.waiting) == ["b"]


def test_too_much_that_waits_is_dropped_and_remembered_as_a_lag() -> None:
    client = a_client(cap=2)

    for position, document_id in enumerate("abc", start=1):
        client.offer(a_frame(document_id, position))

    assert client.lagging
    assert not client.waiting


def test_what_was_told_is_the_mark_and_the_floor() -> None:
    client = a_client()

    client.tell([a_frame("a", 1), a_frame("b", 7)])

    assert (client.floor, client.mark) == (7, "k3f9-7-000000")


@pytest.mark.parametrize(("final", "done"), [(True, True), (False, False)])
def test_one_who_waits_for_the_end_is_done_with_the_last_final_state(
    final: bool, done: bool
) -> None:
    client = a_client(until_done=True)
    client.unfinished = {"a"}

    client.tell([a_frame("a", 1, final=final)])

    assert client.done is done


def test_a_document_that_was_started_again_is_waited_for_again() -> None:
    client = a_client(until_done=True)
    client.unfinished = {"b"}

    client.tell([a_frame("a", 1), a_frame("b", 2, final=True)])

    assert client.unfinished == {"a"}
