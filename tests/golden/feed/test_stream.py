"""The bytes of the stream are a promise to everybody who reads it."""

import pytest

from tests.golden.feed.stream import GOLDEN, path_of


@pytest.mark.parametrize("name", GOLDEN)
def test_a_message_is_the_very_same_bytes_as_ever(name: str) -> None:
    assert GOLDEN[name] == path_of(name).read_bytes()
