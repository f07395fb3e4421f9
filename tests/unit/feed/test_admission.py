"""Who gets in: a limit for all, a limit for each address, none for this machine."""

import pytest

from service.feed.admission import Admission
from service.feed.limits import FeedLimits


def admission(*, streams: int = 10, each: int = 2) -> Admission:
    return Admission(FeedLimits(streams=streams, streams_per_address=each))


def test_an_address_has_so_many_streams_and_no_more() -> None:
    door = admission()
    door.enter("192.0.2.1")
    door.enter("192.0.2.1")

    assert door.refusal("192.0.2.1") == "client_limit"
    assert door.refusal("192.0.2.2") is None


def test_whoever_leaves_makes_room() -> None:
    door = admission(streams=1)
    door.enter("192.0.2.1")
    refused = door.refusal("192.0.2.2")

    door.leave("192.0.2.1")

    assert refused == "client_limit"
    assert door.refusal("192.0.2.2") is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_this_machine_counts_only_towards_the_whole(address: str) -> None:
    door = admission(streams=4)
    for _ in range(3):
        door.enter(address)

    assert door.refusal(address) is None


def test_all_addresses_of_one_household_are_one() -> None:
    door = admission()
    door.enter("2001:db8::1")
    door.enter("2001:db8::2")

    assert door.refusal("2001:db8::3") == "client_limit"
    assert door.refusal("2001:db8:0:1::1") is None


def test_a_server_that_is_stopping_lets_nobody_in() -> None:
    door = admission()
    door.draining = True

    assert door.refusal("192.0.2.1") == "restart"
