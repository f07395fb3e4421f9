"""Which addresses deliveries may go to."""

import pytest

from service.broker.errors import Malformed
from service.broker.reach import EVERYWHERE, INTERNET, Kind, kind_of, reach_of


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", Kind.LOOPBACK),
        ("0.0.0.0", Kind.LOOPBACK),
        ("::1", Kind.LOOPBACK),
        ("::ffff:127.0.0.1", Kind.LOOPBACK),
        ("2002:7f00:1::", Kind.LOOPBACK),
        ("169.254.169.254", Kind.METADATA),
        ("::ffff:169.254.169.254", Kind.METADATA),
        ("64:ff9b::a9fe:a9fe", Kind.METADATA),
        ("168.63.129.16", Kind.METADATA),
        ("169.254.1.1", Kind.LINK_LOCAL),
        ("fe80::1%eth0", Kind.LINK_LOCAL),
        ("10.0.0.1", Kind.PRIVATE),
        ("100.64.0.1", Kind.PRIVATE),
        ("fd00::1", Kind.PRIVATE),
        ("224.0.0.1", Kind.PRIVATE),
        ("93.184.215.14", Kind.PUBLIC),
    ],
)
def test_an_address_is_of_a_kind(address: str, kind: Kind) -> None:
    assert kind_of(address) is kind


def test_without_a_list_a_broker_of_this_machine_reaches_all_but_link_local_ones() -> None:
    assert EVERYWHERE.refusal_at_sight("http://127.0.0.1:8000/a") is None
    assert EVERYWHERE.refusal_at_sight("http://10.0.0.1/a") is None
    assert "metadata" in (EVERYWHERE.refusal_at_sight("http://169.254.169.254/a") or "")


def test_without_a_list_an_exposed_one_reaches_public_addresses_only() -> None:
    assert INTERNET.refusal_at_sight("https://example.com/") is None
    assert INTERNET.refusal("example.com", "93.184.215.14", 443) is None
    assert "loopback" in (INTERNET.refusal_at_sight("http://[::1]:80/") or "")
    assert "private" in (INTERNET.refusal("example.com", "10.0.0.1", 443) or "")


@pytest.mark.parametrize(
    ("entry", "host", "address", "port", "passes"),
    [
        ("hooks.example.com", "hooks.example.com", "10.0.0.1", 80, True),
        ("hooks.example.com", "HOOKS.example.com.", "10.0.0.1", 80, True),
        ("hooks.example.com", "example.com", "10.0.0.1", 80, False),
        ("*.example.com", "a.b.example.com", "10.0.0.1", 80, True),
        ("*.example.com", "badexample.com", "10.0.0.1", 80, False),
        ("localhost:8000", "localhost", "127.0.0.1", 8000, True),
        ("localhost:8000", "localhost", "127.0.0.1", 6379, False),
        ("10.1.0.0/16", "anything", "10.1.2.3", 80, True),
        ("10.1.0.0/16", "anything", "10.2.2.3", 80, False),
        ("169.254.169.254", "169.254.169.254", "169.254.169.254", 80, True),
        ("[::1]:99", "::1", "::1", 99, True),
        ("public", "anything", "93.184.215.14", 80, True),
        ("public", "anything", "127.0.0.1", 80, False),
    ],
)
def test_an_entry_allows_what_it_names(
    entry: str, host: str, address: str, port: int, passes: bool
) -> None:
    reach = reach_of([entry], exposed=False)

    assert (reach.refusal(host, address, port) is None) is passes


def test_a_name_that_is_not_listed_is_refused_before_it_is_resolved() -> None:
    reach = reach_of(["hooks.example.com"], exposed=False)

    with pytest.raises(
        Malformed, match=r"^invalid destination url: example\.org is not an allowed"
    ):
        reach.check("https://example.org/", name="destination")


@pytest.mark.parametrize("entry", ["", "http://a.example", "a b", "a.example:x", "10.0.0.1/8", "*"])
def test_what_is_no_entry_is_named(entry: str) -> None:
    with pytest.raises(Malformed, match="allowed destination"):
        reach_of([entry], exposed=True)
