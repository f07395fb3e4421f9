"""What the pool and a worker say to each other: one line of JSON each, over a socket of their own.

JSON and not pickle, and read with a schema: a worker taken over by a document can lie about that
document, and that is all it can do.
"""

from typing import Annotated

import msgspec

from service.processing.limits import Limits
from service.processing.outcome import CODE_LIMIT, printable

LINE_LIMIT = 64 * 1024
"""Bytes. The longest answer holds a message of 2,048 characters and takes 13 kB."""

Count = Annotated[int, msgspec.Meta(ge=0)]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Pool to worker: do this. The next one comes after the answer."""

    processor: str
    target: str
    document_id: str
    run: int
    attempt: int
    path: str
    output: str
    limits: Limits


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """Worker to pool, once: the libraries are loaded."""


class Progressed(msgspec.Struct, frozen=True, kw_only=True, tag="progressed"):
    done: Count
    total: Count | None


class Succeeded(msgspec.Struct, frozen=True, kw_only=True, tag="succeeded"):
    pages: Count
    characters: Count
    text_sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    result_bytes: Count
    resident_bytes: Count


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    final: bool
    """True: the document is unreadable. False: it may be tried again."""

    code: str
    message: str
    after_seconds: Count | None = None
    resident_bytes: Count = 0


Answer = Ready | Progressed | Succeeded | Failed

WireError = msgspec.DecodeError

_encoder = msgspec.json.Encoder()
_tasks = msgspec.json.Decoder(Task)
_answers = msgspec.json.Decoder(Answer)


def encoded(message: Task | Answer) -> bytes:
    return _encoder.encode(message) + b"\n"


def task_from(line: bytes) -> Task:
    return _tasks.decode(line)


def answer_from(line: bytes) -> Answer:
    """Raises `WireError` at anything that is not an answer."""
    answer: Answer = _answers.decode(line)
    if isinstance(answer, Failed):
        # Cut on this side too: these words go into the log, and the worker may be taken over.
        return Failed(
            final=answer.final,
            code=printable(answer.code, CODE_LIMIT),
            message=printable(answer.message),
            after_seconds=answer.after_seconds,
            resident_bytes=answer.resident_bytes,
        )
    return answer
