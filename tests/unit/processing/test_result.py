"""The result file is read back line by line, whole or in part."""

from collections.abc import Iterator

import pytest

from service.processing.result import (
    DamagedResult,
    LineSplitter,
    Page,
    Summary,
    header_line,
    page_line,
    read_page,
    read_pages,
    read_summary,
    read_text,
    summary_line,
)

SUMMARY = Summary(pages=3, characters=11, text_sha256="ab" * 32, metadata={"title": "Ünïcode"})
TEXTS = {1: "one\n", 2: "zwei\u2028€", 17: ""}


def whole() -> list[bytes]:
    pages = [page_line(number, text) for number, text in TEXTS.items()]
    return [header_line("pdf-text"), *pages, summary_line(SUMMARY)]


def test_pages_come_back_as_they_were_written() -> None:
    assert list(read_pages(whole())) == [Page(number=n, text=t) for n, t in TEXTS.items()]


def test_the_whole_text_has_a_form_feed_between_pages() -> None:
    assert "".join(read_text(whole())) == "one\n\fzwei\u2028€\f"


def test_one_page_is_found_by_its_number() -> None:
    assert read_page(whole(), 17) == Page(number=17, text="")
    assert read_page(whole(), 7) is None


def test_looking_for_a_page_stops_when_it_is_found() -> None:
    def lines() -> Iterator[bytes]:
        yield from whole()[:2]
        raise AssertionError("read too far")

    assert read_page(lines(), 1) == Page(number=1, text="one\n")


def test_the_summary_comes_back_as_it_was_written() -> None:
    assert read_summary(whole()) == SUMMARY


def test_a_line_is_a_line_whatever_the_text_holds() -> None:
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in whole())


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_result_that_was_cut_off_is_noticed(kept: int) -> None:
    with pytest.raises(DamagedResult):
        list(read_pages(whole()[:kept]))
    with pytest.raises(DamagedResult):
        read_summary(whole()[:kept])


@pytest.mark.parametrize(
    "line", [b"\xff\n", b"[]\n", b'{"page":"one"}\n', b'{"other":1}\n', b'{"page":1,"te']
)
def test_a_line_that_is_none_of_ours_is_noticed(line: bytes) -> None:
    with pytest.raises(DamagedResult):
        list(read_pages([header_line("pdf-text"), line]))


def test_a_later_format_is_not_guessed_at() -> None:
    with pytest.raises(DamagedResult, match="format is 2"):
        read_summary([b'{"waybill_result":2}\n'])


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_chunks_of_any_size_become_the_same_lines(size: int) -> None:
    everything = b"".join(whole())
    splitter = LineSplitter()

    lines = [
        line
        for start in range(0, len(everything), size)
        for line in splitter.feed(everything[start : start + size])
    ]

    assert [line + b"\n" for line in lines] == whole()
    assert list(read_pages(lines)) == list(read_pages(whole()))
