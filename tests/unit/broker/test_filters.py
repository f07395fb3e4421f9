"""The query parameters that pick messages."""

import pytest

from service.broker.errors import Malformed
from service.broker.filters import DEAD_LETTERS, LOG, MESSAGES, ids_in, read_selection
from service.broker.selecting import number_of


def test_values_are_repeated_or_listed_with_commas() -> None:
    found = read_selection(b"url=a,b&url=c&label=x", names=LOG, count=10, most=10)

    assert found.any_of == {"url": ("a", "b", "c"), "label": ("x",)}


def test_dates_are_milliseconds_and_both_included() -> None:
    found = read_selection(b"fromDate=5&toDate=7", names=LOG, count=10, most=10)

    assert (found.since, found.until) == (5000, 7999)


def test_in_progress_stands_for_three_states() -> None:
    found = read_selection(b"state=IN_PROGRESS,CANCELLED", names=LOG, count=10, most=10)

    assert found.any_of["state"] == ("ACTIVE", "RETRY", "ERROR", "CANCELED")


def test_a_filter_is_known_where_qstash_knows_it() -> None:
    query = b"host=example.com&path=/a&queueName=q"

    found = read_selection(query, names=MESSAGES, count=10, most=10)

    assert found.any_of == {"host": ("example.com",), "path": ("/a",), "queueName": ("q",)}
    with pytest.raises(Malformed, match="host"):
        read_selection(query, names=DEAD_LETTERS, count=10, most=10)


def test_no_filter_means_everything() -> None:
    assert read_selection(b"count=3&cursor=9&qstash_token=t", names=LOG, count=1, most=9).everything


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (b"foo=1", "foo"),
        (b"count=0", "count"),
        (b"count=1001", "count"),
        (b"count=many", "count"),
        (b"cursor=x", "cursor"),
        (b"fromDate=-1", "fromDate"),
        (b"fromDate=1&fromDate=2", "fromDate"),
        (b"state=LOST", "LOST"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(query: bytes, named: str) -> None:
    with pytest.raises(Malformed, match=named):
        read_selection(query, names=LOG, count=10, most=1000)


def test_a_status_has_to_be_a_number() -> None:
    with pytest.raises(Malformed, match="responseStatus"):
        read_selection(b"responseStatus=abc", names=DEAD_LETTERS, count=10, most=10)


def test_ids_come_in_a_json_body() -> None:
    assert ids_in(None, name="dlqIds") is None
    assert ids_in({"dlqIds": []}, name="dlqIds") == ()
    assert ids_in({"dlqIds": ["a"]}, name="dlqIds") == ("a",)


@pytest.mark.parametrize("document", [[], {"other": []}, {"dlqIds": "a"}, {"dlqIds": [1]}, {}])
def test_a_body_of_another_shape_is_refused(document: object) -> None:
    with pytest.raises(Malformed, match="dlqIds"):
        ids_in(document, name="dlqIds")


@pytest.mark.parametrize("name", ["", "1", "1-", "-1", "a-b", "1-1000", "1" * 20 + "-1"])
def test_what_names_no_dead_letter_finds_none(name: str) -> None:
    assert number_of(name) == -1


def test_a_dead_letters_name_becomes_its_number() -> None:
    assert number_of("1725323658779-7") == 1725323658779007
