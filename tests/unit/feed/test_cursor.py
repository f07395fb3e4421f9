"""A cursor is text that only this log can have written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.feed.cursor import Cursor, at, checked_epoch, parse

EPOCHS = st.from_regex(r"[0-9A-Za-z]{1,36}", fullmatch=True)
POSITIONS = st.integers(min_value=0, max_value=10**18 - 1)
CHAINS = st.binary(min_size=32, max_size=32)


@given(EPOCHS, POSITIONS, CHAINS)
def test_what_was_written_is_read_back(epoch: str, position: int, chain: bytes) -> None:
    cursor = at(epoch, position, chain)

    assert parse(str(cursor)) == cursor


@given(EPOCHS, POSITIONS, CHAINS)
def test_a_cursor_cannot_break_a_line(epoch: str, position: int, chain: bytes) -> None:
    text = str(at(epoch, position, chain))

    assert len(text) <= 64
    assert text.isascii()
    assert text.replace("-", "").isalnum()


@given(st.text())
def test_any_other_text_is_no_cursor(text: str) -> None:
    cursor = parse(text)

    assert cursor is None or str(cursor) == text


@pytest.mark.parametrize(
    "text",
    ["", "k3f9", "k3f9-1", "k3f9-1-9ab3c1\n", "k3f9-01-9ab3c1", "k3f9--1-9ab3c1", "k3f9-1-9AB3C1",
     "k3f9-1-9ab3c", "k3f9-" + "9" * 19 + "-9ab3c1", "k-3-f9-1-9ab3c1", "k3f9-١-9ab3c1"],
)  # fmt: skip
def test_what_is_nearly_a_cursor_is_none(text: str) -> None:
    assert parse(text) is None


def test_the_check_is_the_beginning_of_the_chain() -> None:
    assert at("k3f9", 18422, bytes.fromhex("9ab3c1" + "00" * 29)) == Cursor("k3f9", 18422, "9ab3c1")


def test_an_epoch_that_cannot_stand_in_a_cursor_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot stand in a cursor"):
        checked_epoch("k3f9-1")
