"""Where a publish goes to."""

import pytest

from service.broker.destination import checked, from_request, options_in_query
from service.broker.errors import Malformed


def taken(path: str, query: str = "") -> str:
    raw = f"/v2/publish/{path}".encode()
    return from_request(raw, query.encode(), after=b"/v2/publish/")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/a//b/",
        "http://127.0.0.1:8000/%2F%C3%A4",
        "http://[::1]:80/x",
        "https://example.com/v2/publish/https://other.example",
    ],
)
def test_the_destination_is_taken_as_it_was_written(url: str) -> None:
    assert taken(url) == url


def test_a_slash_that_a_proxy_swallowed_is_put_back() -> None:
    assert taken("https:/example.com/a") == "https://example.com/a"


def test_its_own_query_comes_back_without_our_parameters() -> None:
    query = "x=1&qstash_token=secret&Upstash-Retries=3&y=%20&flag"

    assert taken("https://example.com/a", query) == "https://example.com/a?x=1&y=%20&flag"
    assert options_in_query(query.encode()) == [(b"Upstash-Retries", b"3")]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "invalid scheme"),
        ("my-group", "invalid scheme"),
        ("ftp://example.com", "invalid scheme"),
        ("https://", "names no host"),
        ("https://user:secret@example.com", "user or password"),
        ("https://example.com/a b", "percent-encode"),
        ("https://example.com/ä", "percent-encode"),
        ("https://example.com:99999", "Port out of range"),
        ("https://[::1", "Invalid IPv6"),
        ("https://example.com/" + "a" * 9000, "longer than"),
    ],
)
def test_what_nothing_can_be_delivered_to_is_refused(url: str, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        checked(url, name="destination")


def test_bytes_that_are_not_ascii_are_refused() -> None:
    with pytest.raises(Malformed, match="ASCII"):
        from_request(b"/v2/publish/https://example.com/\xe4", b"", after=b"/v2/publish/")
