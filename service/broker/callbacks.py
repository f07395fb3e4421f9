"""Callbacks: messages of their own that tell how an attempt, or a whole message, ended (pure)."""

import base64
from collections.abc import Callable

import msgspec

from service.broker.message import Callback, Message, Options, Redaction
from service.broker.outcome import Answer, NoAnswer

__all__ = ["after_attempt", "after_failure", "grouped", "origin"]

NO_STATUS = 0
"""The `status` told when there was no answer at all."""


def after_attempt(
    message: Message, answer: Answer | NoAnswer, *, at: int, new_id: Callable[[], str]
) -> tuple[Message, ...]:
    """The callback that follows every attempt, if the publisher asked for one."""
    callback = message.options.callback
    if callback is None:
        return ()
    return (_telling(message, callback, _report(message, answer), at=at, new_id=new_id),)


def after_failure(
    message: Message,
    answer: Answer | NoAnswer,
    *,
    at: int,
    new_id: Callable[[], str],
    dlq_id: str,
) -> tuple[Message, ...]:
    """The callback that follows giving up, if the publisher asked for one."""
    callback = message.options.failure_callback
    if callback is None:
        return ()
    report = {**_report(message, answer), "dlqId": dlq_id}
    return (_telling(message, callback, report, at=at, new_id=new_id),)


def grouped(headers: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    """Headers as QStash's JSON shows them: each name with the list of its values."""
    shown: dict[str, list[str]] = {}
    for name, value in headers:
        shown.setdefault(name, []).append(value)
    return shown


def origin(message: Message) -> dict[str, object]:
    """What made a message, as QStash's JSON names it: group, endpoint, schedule, queue."""
    options = message.options
    named = {
        "topicName": options.group,
        "endpointName": options.endpoint,
        "scheduleId": options.schedule,
        "queueName": options.queue,
    }
    return {name: value for name, value in named.items() if value is not None}


def _telling(
    message: Message,
    callback: Callback,
    report: dict[str, object],
    *,
    at: int,
    new_id: Callable[[], str],
) -> Message:
    due_at = at + callback.delay * 1_000_000
    retries = message.options.retries if callback.retries is None else callback.retries
    named = {name for name, _ in callback.headers}
    content_type = () if "Content-Type" in named else (("Content-Type", "application/json"),)
    return Message(
        id=f"msg_{new_id()}",
        url=callback.url,
        headers=(*content_type, *callback.headers),
        body=msgspec.json.encode(report),
        options=Options(
            method=callback.method,
            retries=retries,
            retry_delay=callback.retry_delay,
            timeout=callback.timeout,
            labels=message.options.labels,
            # What it tells holds the original's body and headers.
            redaction=Redaction(body=True) if message.options.redaction else None,
        ),
        created_at=at,
        not_before=due_at,
        due_at=due_at,
        caller_ip=message.caller_ip,
        turn_of=message.turn_of,
    )


def _report(message: Message, answer: Answer | NoAnswer) -> dict[str, object]:
    if isinstance(answer, NoAnswer):
        answer = Answer(status=NO_STATUS, body=answer.reason.encode())
    report: dict[str, object] = {
        "status": answer.status,
        "header": grouped(answer.headers),
        "body": _base64(answer.body),
        "retried": message.retried,
        "maxRetries": message.options.retries,
        "sourceMessageId": message.id,
        "url": message.url,
        "method": message.options.method,
        # Plain strings, as the documentation shows them, unlike `header`.
        "sourceHeader": {n: ", ".join(v) for n, v in grouped(message.headers).items()},
        "sourceBody": _base64(message.body),
        "createdAt": message.created_at // 1000,
        "notBefore": message.not_before // 1000,
    }
    report.update(origin(message))
    if message.caller_ip:
        report["callerIP"] = message.caller_ip
    return report


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
