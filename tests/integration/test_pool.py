"""Documents and processors of every kind, good and bad: each run ends with the right outcome."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service import samples
from service.processing.outcome import Extracted, TryLater, Unreadable
from service.processing.pool import Pool
from service.processing.result import read_summary, read_text
from tests.integration.office import UVLOOP, Office, failure, opened

pytestmark = pytest.mark.anyio

on_both_loops = pytest.mark.parametrize("anyio_backend", ["asyncio", UVLOOP], ids=["plain", "uv"])


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return UVLOOP


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(tmp_path) as office:
        yield office


async def test_a_pdf_comes_back_as_text_on_disk(office: Office) -> None:
    office.document.write_bytes(samples.text_document(pages=3))
    progress: list[tuple[int, int | None]] = []

    outcome = await office.run("pdf-text", lambda done, total: progress.append((done, total)))

    assert isinstance(outcome, Extracted)
    assert outcome.result == office.output
    with office.output.open("rb") as lines:
        text = "".join(read_text(lines))
    assert [f"Page {n} of 3" in text for n in (1, 2, 3, 4)] == [True, True, True, False]
    assert outcome.pages == 3
    assert outcome.characters == len(text)
    assert outcome.text_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert outcome.result_bytes == office.output.stat().st_size
    assert progress[0] == (1, 3)
    assert progress[-1] == (3, 3)


async def test_an_unreadable_document_is_final_and_leaves_no_file(office: Office) -> None:
    office.document.write_bytes(samples.password_protected())

    outcome = await office.run("pdf-text")

    assert isinstance(outcome, Unreadable)
    assert outcome.code == "password_required"
    assert not office.output.exists()


async def test_a_users_own_processor_is_found_by_name(office: Office) -> None:
    outcome = await office.run("count_words")

    assert isinstance(outcome, Extracted)
    with office.output.open("rb") as lines:
        summary = read_summary(lines)
    assert summary.metadata == {"words": 3, "run": 2, "attempt": 3}
    assert (summary.pages, summary.characters) == (outcome.pages, outcome.characters)
    with office.output.open("rb") as lines:
        text = "".join(read_text(lines))
    assert text == "three little words\fhalf a character: \ufffd"
    assert hashlib.sha256(text.encode()).hexdigest() == outcome.text_sha256


async def test_the_processor_none_needs_no_process_and_no_turn(office: Office) -> None:
    hanging = asyncio.create_task(office.run("hang"))
    await asyncio.sleep(0)
    assert office.pool.free == 0

    outcome = await office.run("none")

    assert outcome == Extracted(
        pages=0,
        characters=0,
        text_sha256=hashlib.sha256(b"").hexdigest(),
        result=None,
        result_bytes=0,
    )
    hanging.cancel()
    await asyncio.wait([hanging])


async def test_a_processor_without_text_and_metadata_leaves_no_file(office: Office) -> None:
    outcome = await office.run("leave_nothing")

    assert isinstance(outcome, Extracted)
    assert outcome.result is None
    assert not office.output.exists()


async def test_a_processor_that_nobody_knows_is_told_by_name(office: Office) -> None:
    outcome = failure(await office.run("ocr"))

    assert outcome.code == "processor_unavailable"
    assert "'ocr'" in outcome.message


async def test_a_processor_may_refuse_for_good(office: Office) -> None:
    assert await office.run("refuse") == Unreadable(
        code="handwriting", message="Only a pharmacist can read this."
    )


async def test_a_processor_may_ask_for_another_time(office: Office) -> None:
    assert await office.run("come_back_later") == TryLater(
        code="busy", message="The other service is busy.", after_seconds=30
    )
    assert not office.output.exists()


@pytest.mark.parametrize(
    ("processor", "code", "words"),
    [
        ("fail", "processor_failed", "ValueError: xxx"),
        ("fail_without_words", "processor_failed", "Unspeakable"),
        ("leave_by_the_door", "processor_failed", "SystemExit"),
        ("return_a_function", "processor_failed", "JSON"),
        ("write_another_large_file", "processor_failed", "File too large"),
        ("take_all_memory", "out_of_memory", "400 MiB"),
        ("leave_by_the_window", "worker_crashed", "exit code 7"),
        ("be_killed", "worker_killed", "SIGKILL"),
        ("crash", "worker_crashed", "SIGSEGV"),
        ("speak_out_of_turn", "worker_crashed", "not an answer"),
    ],
)
async def test_a_failure_is_an_outcome_and_the_next_document_is_read(
    office: Office, processor: str, code: str, words: str
) -> None:
    outcome = failure(await office.run(processor))

    assert outcome.code == code
    assert words in outcome.message
    assert len(outcome.message) <= 2048
    assert not office.output.exists()
    assert isinstance(await office.run("count_words"), Extracted)
    assert office.pool.free == 1


@pytest.mark.parametrize("processor", ["write_for_ever", "write_for_ever_and_deny_it"])
async def test_too_much_text_is_refused_for_good(office: Office, processor: str) -> None:
    outcome = await office.run(processor)

    assert isinstance(outcome, Unreadable)
    assert outcome.code == "output_too_large"
    assert "1,048,576 bytes" in outcome.message
    assert not office.output.exists()


@on_both_loops
async def test_fifty_documents_over_two_workers_all_come_back_as_themselves(
    tmp_path: Path,
) -> None:
    async def read(pool: Pool, number: int) -> tuple[str, str]:
        document, output = tmp_path / f"{number}.txt", tmp_path / f"{number}.jsonl"
        document.write_text(f"text {number}")
        outcome = await pool.run(
            "say_whose_it_is",
            document_id=f"doc_{number}",
            run=1,
            attempt=1,
            path=document,
            output=output,
        )
        assert isinstance(outcome, Extracted)
        with output.open("rb") as lines:
            identity, pid, text = "".join(read_text(lines)).split(" ", 2)
        assert (identity, text) == (f"doc_{number}", f"text {number}")
        return identity, pid

    async with opened(tmp_path, size=2) as office:
        runs = [asyncio.create_task(read(office.pool, number)) for number in range(50)]
        await asyncio.sleep(0)
        assert (office.pool.size, office.pool.free, office.pool.waiting) == (2, 0, 48)

        answers = await asyncio.gather(*runs)

        assert len({identity for identity, _ in answers}) == 50
        assert len({pid for _, pid in answers}) == 2
        assert (office.pool.free, office.pool.waiting) == (2, 0)


async def test_progress_is_thinned_out_and_its_last_word_is_said(office: Office) -> None:
    heard: list[int] = []

    outcome = await office.run("speak_often", lambda done, _: heard.append(done))

    assert isinstance(outcome, Extracted)
    assert heard[0] == 1
    assert heard[-1] == 100_000
    assert heard == sorted(heard)
    assert len(heard) < 200


async def test_what_a_processor_prints_goes_to_the_errors(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with opened(tmp_path) as office:
        assert isinstance(await office.run("print_much"), Extracted)

    captured = capfd.readouterr()
    assert captured.out == ""
    assert "own standard output" in captured.err
