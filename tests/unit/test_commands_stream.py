"""Server-sent events: what counts as a frame, wherever the stream is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.commands.stream import LONGEST_LINE, BrokenStream, Frame, StreamReader

TWO_FRAMES = (
    b'event: hello\ndata: {"beat":15}\nretry: 2000\n\n'
    b'event: status\ndata: {"id":"doc_1"}\nid: k3f9-7-9ab3c1\n\n'
)
BOTH = [
    Frame(event="hello", data='{"beat":15}', retry=2000),
    Frame(event="status", data='{"id":"doc_1"}', retry=None),
]


def read(*pieces: bytes) -> tuple[list[Frame], StreamReader]:
    reader = StreamReader()
    return [frame for piece in pieces for frame in reader.feed(piece)], reader


def test_frames_are_told_with_their_name_their_data_and_their_wait() -> None:
    frames, reader = read(TWO_FRAMES)

    assert frames == BOTH
    assert reader.last_id == "k3f9-7-9ab3c1"


@given(
    st.lists(st.integers(0, len(TWO_FRAMES)), max_size=8), st.sampled_from([b"\n", b"\r\n", b"\r"])
)
def test_it_does_not_matter_where_the_network_cuts(cuts: list[int], line_end: bytes) -> None:
    stream = TWO_FRAMES.replace(b"\n", line_end) + b": the end\n"
    edges = [0, *sorted(cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(edges)]

    frames, reader = read(*pieces)

    assert frames == BOTH
    assert reader.last_id == "k3f9-7-9ab3c1"


@given(st.integers(0, len(TWO_FRAMES) - 1))
def test_a_frame_that_was_cut_off_is_dropped_and_its_id_with_it(end: int) -> None:
    frames, reader = read(TWO_FRAMES[:end])

    assert frames == BOTH[: len(frames)]
    assert len(frames) < 2
    assert reader.last_id is None


def test_comments_and_blocks_without_data_are_no_frames() -> None:
    frames, reader = read(b": ping\n\nretry: 10\n\nid: k-1-0\n\nevent: beat\n\n")

    assert frames == []
    assert reader.last_id == "k-1-0"


def test_data_over_several_lines_is_one_text() -> None:
    frames, _ = read(b"data: one\ndata:two\n\n")

    assert frames == [Frame(event="message", data="one\ntwo", retry=None)]


@pytest.mark.parametrize("line", [b"retry: soon", b"retry: -1", b"retry:", b"id: a\0b"])
def test_what_cannot_be_understood_is_left_out(line: bytes) -> None:
    frames, reader = read(line + b"\ndata: x\n\n")

    assert frames == [Frame(event="message", data="x", retry=None)]
    assert reader.last_id is None


def test_an_empty_id_forgets_the_one_before() -> None:
    _, reader = read(b"data: x\nid: k-1-0\n\ndata: y\nid:\n\n")

    assert reader.last_id is None


def test_a_line_without_an_end_is_given_up() -> None:
    with pytest.raises(BrokenStream, match="longer than"):
        read(b"data: ", b"x" * LONGEST_LINE)
