"""Messages, log entries and dead letters as rows, and back."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import BindParameter, bindparam

from service.broker.message import Headers, Message, Options, Place
from service.broker.outcome import Answer
from service.broker.rapid import Row
from service.broker.settlement import DeadLetter, Entry

__all__ = [
    "ENTRY",
    "Details",
    "dead_letter_row",
    "details_of",
    "entry_row",
    "message_of",
    "message_row",
    "options_of",
]

NewRow = dict[str, object]

_encode = msgspec.json.Encoder().encode
_options = msgspec.json.Decoder(Options)
_headers = msgspec.json.Decoder(Headers)


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What only some log entries have."""

    error: str | None = None
    next_delivery_at: int | None = None
    status: int | None = None
    headers: Headers = ()
    body: bytes = b""


_details = msgspec.json.Decoder(Details)


def message_row(
    message: Message, *, sequence: int, place: Place, holder: str | None = None
) -> NewRow:
    """The row of a new message."""
    options = message.options
    return {
        "sequence": sequence,
        "message_id": message.id,
        "place": place.value,
        "url": message.url,
        "headers": _encode(message.headers),
        "body": message.body,
        "options": _encode(options),
        "flow_key": options.flow.key if options.flow else None,
        "labels": f",{','.join(options.labels)}," if options.labels else None,
        "caller_ip": message.caller_ip,
        "retried": message.retried,
        "cancel_requested": 0,
        "created_at": message.created_at,
        "not_before": message.not_before,
        "due_at": message.due_at,
        "finished_at": None,
        "queue": options.queue,
        "turn_of": message.turn_of,
        "host": message.host,
        "holder": holder if place is Place.CLAIMED else None,
        "lease": 0,
        "group_name": options.group,
        "schedule_id": options.schedule,
    }


def message_of(row: Row) -> Message:
    """The message of a row that holds all its columns."""
    return Message(
        id=row["message_id"],
        url=row["url"],
        headers=_headers.decode(row["headers"]) if row["headers"] else (),
        body=row["body"],
        options=_options.decode(row["options"]),
        created_at=row["created_at"],
        not_before=row["not_before"],
        due_at=row["due_at"],
        retried=row["retried"],
        caller_ip=row["caller_ip"],
        sequence=row["sequence"],
        turn_of=row["turn_of"],
    )


def options_of(raw: bytes) -> Options:
    """The options of a message's row."""
    return _options.decode(raw)


ENTRY: Mapping[str, BindParameter[object]] = {
    name: bindparam(name) for name in ("sequence", "at", "state", "details")
}
"""What a log entry's row gives; its id is the database's."""


def entry_row(entry: Entry, *, sequence: int) -> NewRow:
    """The row of a log entry."""
    return {
        "sequence": sequence,
        "at": entry.at,
        "state": entry.state.value,
        "details": _encoded_details(entry),
    }


def details_of(raw: bytes | None) -> Details:
    """The details of a log entry's row."""
    return _details.decode(raw) if raw else Details()


def dead_letter_row(letter: DeadLetter, *, sequence: int) -> NewRow:
    """The row of a dead letter."""
    answer = letter.answer or Answer(status=0)
    return {
        "id": letter.id,
        "sequence": sequence,
        "failed_at": letter.failed_at,
        "response_status": answer.status,
        "response_headers": _encode(answer.headers),
        "response_body": answer.body,
    }


def headers_of(raw: bytes) -> Headers:
    """The headers of an answer kept in a row."""
    return _headers.decode(raw)


def _encoded_details(entry: Entry) -> bytes | None:
    answer = entry.answer
    if answer is None and entry.error is None and entry.next_delivery_at is None:
        return None
    return _encode(
        Details(
            error=entry.error,
            next_delivery_at=entry.next_delivery_at,
            status=answer.status if answer else None,
            headers=answer.headers if answer else (),
            body=answer.body if answer else b"",
        )
    )
