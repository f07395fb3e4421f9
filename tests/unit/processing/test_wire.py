"""What a worker says is checked before it is believed."""

import pytest

from service.processing.limits import Limits
from service.processing.outcome import MESSAGE_LIMIT
from service.processing.wire import (
    LINE_LIMIT,
    Answer,
    Failed,
    Progressed,
    Ready,
    Succeeded,
    Task,
    WireError,
    answer_from,
    encoded,
    task_from,
)

ANSWERS: list[Answer] = [
    Ready(),
    Progressed(done=3, total=None),
    Succeeded(pages=1, characters=2, text_sha256="0" * 64, result_bytes=3, resident_bytes=4),
    Failed(final=False, code="timed_out", message="Too long.", after_seconds=7),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_arrives_as_it_was_sent(answer: Answer) -> None:
    line = encoded(answer)

    assert line.count(b"\n") == 1
    assert answer_from(line) == answer


def test_a_task_arrives_with_its_limits() -> None:
    task = Task(
        processor="pdf-text",
        target="a.b:c",
        document_id="doc_1",
        run=1,
        attempt=2,
        path="/in",
        output="/out",
        limits=Limits(seconds=2.5),
    )

    assert task_from(encoded(task)) == task


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\x80\x04K\x01.",
        b'{"type":"unheard_of"}',
        b'{"type":"progressed","done":-1,"total":null}',
        b'{"type":"progressed","done":"1","total":2}',
        b'{"type":"succeeded","pages":1,"characters":1,"text_sha256":"../..",'
        b'"result_bytes":1,"resident_bytes":1}',
    ],
)
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(WireError):
        answer_from(line)


def test_words_are_cut_and_cleaned_on_arrival() -> None:
    answer = answer_from(encoded(Failed(final=True, code="c" * 999, message="\x1b" + "m" * 9_999)))

    assert isinstance(answer, Failed)
    assert len(answer.code) == 64
    assert len(answer.message) == MESSAGE_LIMIT
    assert answer.message.isprintable()


def test_the_longest_honest_answer_fits_the_line() -> None:
    answer = Failed(final=True, code="€" * 64, message="\U0001f4dc" * MESSAGE_LIMIT)

    assert len(encoded(answer)) < LINE_LIMIT
