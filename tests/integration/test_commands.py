"""The verbs against a real server, each in a process of its own."""

from collections.abc import Iterator
from pathlib import Path
from subprocess import run
from sys import executable

import pytest

from service import samples
from tests.forking import ROOT
from tests.integration.commands_support import ids_of, served, waybill

LARGEST_UPLOAD = 100_000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("commands") / "data"
    settings = {
        "WAYBILL_MAX_UPLOAD_BYTES": str(LARGEST_UPLOAD),
        "WAYBILL_WORKERS": "1",
        "WAYBILL_RETRY_DELAYS": "0",
        "WAYBILL_PROCESSORS": "words=examples.word_counts:process",
        "WAYBILL_API_TOKEN": "",
    }
    with served(folder, more=settings) as address:
        yield address


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    file = tmp_path / "letter.pdf"
    file.write_bytes(samples.one_page(f"A letter from {tmp_path}"))
    return file


def test_an_upload_prints_the_document_it_became(url: str, letter: Path) -> None:
    done = waybill("upload", str(letter), url=url)

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("doc_")
    assert done.out.rstrip().endswith("letter.pdf")


def test_the_same_file_twice_is_the_same_document_unless_asked_otherwise(
    url: str, letter: Path
) -> None:
    first, second, third = (
        waybill("upload", str(letter), "--json", *more, url=url).objects
        for more in ((), (), ("--again",))
    )

    assert ids_of(first) == ids_of(second)
    assert ids_of(first) != ids_of(third)


def test_a_watched_folder_ends_with_4_when_a_document_in_it_failed(
    url: str, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "good.PDF").write_bytes(samples.one_page())
    (tmp_path / "bad.pdf").write_bytes(samples.damaged())
    (tmp_path / "notes.txt").write_text("no PDF")

    done = waybill("upload", str(tmp_path), "--watch", "--json", url=url)

    ended = {each["name"]: each["status"] for each in done.objects if each["final"]}
    assert done.code == 4
    assert ended == {"good.PDF": "succeeded", "bad.pdf": "failed"}


def test_watching_prints_a_line_per_change_and_ends_with_0_when_all_succeeded(
    url: str, letter: Path
) -> None:
    done = waybill("upload", str(letter), "--watch", url=url)

    lines = done.out.splitlines()
    assert done.code == 0
    assert lines[-1].endswith("✓ Done  letter.pdf: 1 page")
    assert len(lines) == len(set(lines))


def test_what_the_upload_told_is_not_told_again_by_the_watch(url: str, letter: Path) -> None:
    first = waybill("upload", str(letter), "--watch", "--json", url=url)

    again = waybill("upload", str(letter), "--watch", "--json", url=url)

    assert (first.code, again.code) == (0, 0)
    [told] = again.objects
    assert (told["id"], told["status"]) == (first.objects[-1]["id"], "succeeded")


def test_a_document_comes_from_standard_input_with_a_name_an_owner_and_a_processor(
    url: str,
) -> None:
    arguments = ("--name", "notes.txt", "--owner", "ada", "--processor", "words")

    done = waybill(
        "upload", "-", *arguments, "--watch", "--json", url=url, stdin=b"three short words"
    )

    last = done.objects[-1]
    assert done.code == 0
    assert (last["name"], last["owner"], last["processor"]) == ("notes.txt", "ada", "words")


def test_one_file_that_is_refused_does_not_keep_the_others_back(
    url: str, letter: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large.pdf"
    large.write_bytes(b"%PDF-" + bytes(LARGEST_UPLOAD))

    done = waybill("upload", str(large), str(letter), "--json", url=url)

    assert done.code == 1
    assert [each["name"] for each in done.objects] == ["letter.pdf"]
    assert "large.pdf: Too large" in done.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("no-such-file.pdf",), "there is no file or folder"),
        ((str(ROOT / "migrations"),), "there is no *.pdf in the folder"),
        (("-", "-", "--name", "a.pdf"), "--name fits one document only"),
        ((), "Missing argument"),
    ],
)
def test_an_upload_that_cannot_be_meant_ends_with_2(
    url: str, arguments: tuple[str, ...], complaint: str
) -> None:
    done = waybill("upload", *arguments, url=url)

    assert (done.code, done.out) == (2, "")
    assert complaint in done.err


def test_a_history_is_told_in_sentences_or_as_events(url: str, letter: Path) -> None:
    [document_id] = set(
        ids_of(waybill("upload", str(letter), "--watch", "--json", url=url).objects)
    )

    told = waybill("history", document_id, url=url)
    events = waybill("history", document_id, "--json", url=url)

    assert (told.code, events.code) == (0, 0)
    assert told.out.startswith(document_id)
    assert "ploaded" in told.out.splitlines()[2]
    types = [each["type"] for each in events.objects]
    assert types[0] == "document_registered"
    assert "processing_succeeded" in types


def test_a_retry_is_another_run_and_the_history_shows_the_reason(url: str, letter: Path) -> None:
    document_id = ids_of(waybill("upload", str(letter), "--watch", "--json", url=url).objects)[0]

    done = waybill("retry", document_id, "--reason", "the font was missing", "--json", url=url)

    requeued = [
        each["data"]
        for each in waybill("history", document_id, "--json", url=url).objects
        if each["type"] == "requeued"
    ]
    assert (done.code, done.objects[0]["run"]) == (0, 2)
    assert [each["reason"] for each in requeued] == ["the font was missing"]


def test_what_cannot_be_cancelled_ends_with_1_and_the_others_are_asked_all_the_same(
    url: str, letter: Path
) -> None:
    document_id = ids_of(waybill("upload", str(letter), "--watch", "--json", url=url).objects)[0]

    done = waybill("cancel", "nobody", document_id, url=url)

    assert done.code == 1
    assert "nobody: No such document" in done.err
    assert f"{document_id}: " in done.err


def test_watching_a_finished_document_shows_it_and_ends(url: str, letter: Path) -> None:
    document_id = ids_of(waybill("upload", str(letter), "--watch", "--json", url=url).objects)[0]

    done = waybill("watch", document_id, "--json", url=url)

    assert done.code == 0
    assert [each["status"] for each in done.objects] == ["succeeded"]


def test_a_mistyped_id_is_told_at_once(url: str) -> None:
    done = waybill("watch", "doc_mistyped", url=url)

    assert (done.code, done.out) == (1, "")
    assert "No such document" in done.err


def test_the_doctor_finds_the_server_and_its_clock(url: str, tmp_path: Path) -> None:
    done = waybill("doctor", "--data", str(tmp_path), "--json", url=url)

    levels = {each["check"]: each["level"] for each in done.objects}
    assert done.code == 0
    assert (levels["server"], levels["clock"], levels["settings"]) == ("ok", "ok", "ok")


def test_the_examples_do_what_they_say(url: str, letter: Path) -> None:
    by_curl = run([ROOT / "examples" / "upload.sh", letter, url], capture_output=True, check=True)
    by_httpx = run(
        [executable, ROOT / "examples" / "upload_and_wait.py", letter, url],
        capture_output=True,
        check=True,
    )

    assert by_curl.stdout.startswith(b"Page 1 of 1")
    assert by_httpx.stdout.decode() == "letter.pdf: succeeded, pages: 1\n"


def test_the_server_s_token_is_asked_for_and_taken(tmp_path: Path, letter: Path) -> None:
    secret = {"WAYBILL_API_TOKEN": "a-long-secret"}

    with served(tmp_path / "closed", more=secret) as closed:
        without = waybill("upload", str(letter), url=closed)
        given = waybill("upload", str(letter), "--watch", url=closed, more=secret)
        doctor = waybill("doctor", "--data", str(tmp_path / "closed"), "--json", url=closed)

    assert (without.code, without.out) == (1, "")
    assert "Not signed in" in without.err
    assert given.code == 0
    problems = [each["check"] for each in doctor.objects if each["level"] == "problem"]
    assert (doctor.code, problems) == (1, ["token"])
