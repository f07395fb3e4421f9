"""Every kind of PDF, good and bad, through the processor `pdf-text`, in this process."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service import samples
from service.processing.pdf import read_pdf
from service.processing.processor import CannotRead, Job
from tests.integration import pdfs


@dataclass
class Reading:
    """What a processor said while it read."""

    pages: dict[int, str] = field(default_factory=dict)
    progress: list[tuple[int, int | None]] = field(default_factory=list)
    metadata: Mapping[str, object] = field(default_factory=dict)


Read = Callable[..., Reading]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_bytes(document: bytes, pages_limit: int = 1000) -> Reading:
        path = tmp_path / "document.pdf"
        path.write_bytes(document)
        reading = Reading()
        job = Job(
            path=path,
            document_id="doc_1",
            run=1,
            attempt=1,
            pages_limit=pages_limit,
            write_page=reading.pages.__setitem__,
            progress=lambda done, total: reading.progress.append((done, total)),
        )
        reading.metadata = read_pdf(job)
        return reading

    return read_bytes


def refusal(read: Read, document: bytes, **options: int) -> CannotRead:
    with pytest.raises(CannotRead) as caught:
        read(document, **options)
    return caught.value


def test_each_page_of_a_text_is_read_in_order_with_progress(read: Read) -> None:
    reading = read(samples.text_document(5))

    assert list(reading.pages) == [1, 2, 3, 4, 5]
    assert all(f"Page {number} of 5" in text for number, text in reading.pages.items())
    assert reading.progress == [(number, 5) for number in range(1, 6)]


def test_an_embedded_font_is_read_as_text(read: Read) -> None:
    reading = read(samples.large_document(megabytes=0.3, pages=6))

    assert all(f"Page {number} of 6" in text for number, text in reading.pages.items())


def test_what_a_document_says_of_itself_is_kept(read: Read) -> None:
    metadata = read(samples.text_document(2, "On parcels")).metadata

    assert metadata["title"] == "On parcels"
    assert metadata["author"] == "Waybill samples"
    assert metadata["created"] == "D:20000101000000+00'00'"
    assert metadata["page_count"] == 2
    assert metadata["encrypted"] is False


def test_a_title_is_cut_and_cleaned_and_other_values_are_left_out(read: Read) -> None:
    metadata = read(pdfs.with_title(b"\x1b[31mred " + b"x" * 5000)).metadata

    title = metadata["title"]
    assert isinstance(title, str)
    assert len(title) == 300
    assert title.isprintable()
    assert "author" not in metadata
    assert "producer" not in metadata


def test_a_document_encrypted_with_an_empty_password_opens(read: Read) -> None:
    reading = read(samples.password_protected(password=""))

    assert "Page 1 of 1" in reading.pages[1]
    assert reading.metadata["encrypted"] is True


def test_a_document_that_needs_a_password_says_so(read: Read) -> None:
    error = refusal(read, samples.password_protected())

    assert error.code == "password_required"
    assert "Remove the password" in error.message


def test_an_empty_file_is_told_from_a_document_without_pages(read: Read) -> None:
    assert "0 bytes" in refusal(read, samples.empty_file()).message
    assert "no pages" in refusal(read, pdfs.without_pages()).message


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"PK\x03\x04", "office document"),
        (b"\x89PNG\r\n", "PNG picture"),
        (b"\xff\xd8\xff\xe0", "JPEG picture"),
        (b"\xd0\xcf\x11\xe0", "old office document"),
        (b"{\\rtf1", "RTF"),
        (b"\n<!doctype html>", "web page"),
        (b"just words", "does not begin like one."),
    ],
)
def test_another_kind_of_file_is_named(read: Read, start: bytes, kind: str) -> None:
    error = refusal(read, start + b" and more" * 50)

    assert error.code == "not_a_pdf"
    assert kind in error.message


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(samples.damaged(), id="cut in half"),
        pytest.param(b"%PDF-1.7\n", id="only a header"),
        pytest.param(b"%PDF-1.7\n" + bytes(range(256)) * 40, id="a header and noise"),
        pytest.param(pdfs.without_catalog(), id="no catalog"),
        pytest.param(pdfs.with_a_page_tree_that_contains_itself(), id="circular page tree"),
        pytest.param(pdfs.with_an_older_table_at(-7), id="table before the file"),
    ],
)
def test_a_damaged_document_says_so_and_what_to_do(read: Read, document: bytes) -> None:
    error = refusal(read, document)

    assert error.code == "damaged"
    assert "Upload the original again" in error.message
    assert len(error.message) < 500


def test_a_small_mistake_is_repaired_and_remembered(read: Read) -> None:
    reading = read(pdfs.with_startxref(3))

    assert reading.pages == {1: "Hello"}
    assert reading.metadata["warnings"]


def test_a_document_that_lost_its_pages_is_not_taken_for_an_empty_one(read: Read) -> None:
    document = pdfs.hello().replace(b"/Contents 4 0 R", b"/Contents 44 0 R")

    assert refusal(read, document).code == "damaged"


def test_a_page_without_text_is_fine(read: Read) -> None:
    assert read(pdfs.with_content(pdfs.stream(b"0 0 9 9 re f"))).pages == {1: ""}


def test_a_decompression_bomb_is_refused(read: Read) -> None:
    document = pdfs.that_unpacks_to(megabytes=100)

    error = refusal(read, document)

    assert len(document) < 200_000
    assert error.code == "too_large"
    assert "page 1" in error.message


def test_a_form_that_draws_itself_ends(read: Read) -> None:
    reading = read(pdfs.with_a_form_that_draws_itself())

    assert "Hello" in reading.pages[1]


def test_too_many_pages_are_refused_before_the_first_is_read(read: Read) -> None:
    error = refusal(read, samples.text_document(5), pages_limit=4)

    assert error.code == "too_many_pages"
    assert "5 pages, the limit is 4" in error.message


def test_warnings_of_the_library_reach_no_other_logger(
    read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    refusal(read, samples.damaged())

    assert caplog.records == []


@pytest.mark.parametrize("seed", range(120))
def test_whatever_happens_to_its_bytes_a_document_is_read_or_refused(read: Read, seed: int) -> None:
    document = [pdfs.hello(), samples.one_page(), samples.password_protected("")][seed % 3]

    try:
        reading = read(pdfs.mutated(document, seed))
    except CannotRead as error:
        assert error.code in {
            "damaged", "empty", "not_a_pdf", "password_required", "too_large", "unsupported",
        }  # fmt: skip
        assert error.message.isprintable()
    else:
        assert reading.pages


def test_samples_are_the_same_bytes_each_time() -> None:
    assert samples.one_page() == samples.one_page()
    assert samples.password_protected() == samples.password_protected()
    assert samples.large_document(0.3, 6) == samples.large_document(0.3, 6)


def test_a_large_sample_has_the_size_that_was_asked_for() -> None:
    assert len(samples.large_document(megabytes=2, pages=60)) == pytest.approx(2_000_000, rel=0.05)


def test_drawing_without_the_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reportlab.pdfgen.canvas", None)

    with pytest.raises(samples.SamplesUnavailable, match=r"\[demo\]"):
        samples.one_page()
