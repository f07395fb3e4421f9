"""Messages, dead letters and log entries as the JSON that QStash's SDKs read (pure).

Keys without a value are absent, never null. What a publisher asked to redact shows as a hash.
"""

import base64
import hashlib

from msgspec.structs import replace

from service.broker.callbacks import grouped, origin
from service.broker.dead_letters import Dead
from service.broker.log_entries import Logged
from service.broker.message import Callback, Headers, Message, Redaction
from service.broker.outcome import Answer
from service.broker.records import Details
from service.broker.settlement import dead_letter_name

__all__ = [
    "Object",
    "body_fields",
    "callback_fields",
    "dead_letter_object",
    "flow_fields",
    "label_fields",
    "log_object",
    "message_object",
    "redacted",
]

Object = dict[str, object]


def message_object(message: Message) -> Object:
    """What `GET /v2/messages/{id}` answers."""
    shown = redacted(message)
    view: Object = {
        "messageId": shown.id,
        "url": shown.url,
        "method": shown.options.method,
        "maxRetries": shown.options.retries,
        "notBefore": shown.not_before // 1000,
        "createdAt": shown.created_at // 1000,
        "header": grouped(shown.headers),
        **body_fields("body", shown.body),
        **callback_fields("callback", "callbackHeader", shown.options.callback),
        **callback_fields(
            "failureCallback", "failureCallbackHeader", shown.options.failure_callback
        ),
        **flow_fields(shown),
        **label_fields(shown),
        **origin(shown),
    }
    if shown.caller_ip:
        view["callerIP"] = shown.caller_ip
    if shown.options.retry_delay is not None:
        view["retryDelayExpression"] = shown.options.retry_delay
    return view


def dead_letter_object(dead: Dead) -> Object:
    """What `GET /v2/dlq/{id}` answers."""
    answer = dead.letter.answer or Answer(status=0)
    return {
        **message_object(dead.message),
        "dlqId": dead_letter_name(dead.letter.id),
        # 0 stands for no answer at all; the SDKs cannot do without the number.
        "responseStatus": answer.status,
        "responseHeader": grouped(answer.headers),
        **body_fields("responseBody", answer.body),
    }


def log_object(entry: Logged) -> Object:
    """One element of what `GET /v2/events` answers, in the spellings of docs and SDKs."""
    shown = redacted(entry.message)
    options = shown.options
    view: Object = {
        "time": entry.at // 1000,
        "messageId": shown.id,
        "state": entry.state.value,
        "url": shown.url,
        "method": options.method,
        "header": grouped(shown.headers),
        "maxRetries": options.retries,
        **callback_fields("callback", "callbackHeaders", options.callback),
        **callback_fields("failureCallback", "failureCallbackHeaders", options.failure_callback),
        **flow_fields(shown),
        **label_fields(shown),
        **origin(shown),
        **_details(entry.details),
    }
    if shown.body:
        view["body"] = _base64(shown.body)
    if options.timeout is not None:
        view["timeout"] = options.timeout * 1000
    if options.retry_delay is not None:
        view["retryDelayExpr"] = view["retryDelayExpression"] = options.retry_delay
    if shown.caller_ip:
        view["callerIp"] = shown.caller_ip
    return view


def _details(details: Details) -> Object:
    view: Object = {}
    if details.error is not None:
        view["error"] = details.error
    if details.next_delivery_at is not None:
        view["nextDeliveryTime"] = details.next_delivery_at // 1000
    if details.status is not None:
        view["responseStatus"] = details.status
        view["responseHeader"] = view["responseHeaders"] = grouped(details.headers)
        view["responseBody"] = _base64(details.body)
    return view


def body_fields(name: str, raw: bytes) -> Object:
    """A body as text, or in base64 under another name; nothing when it is empty."""
    if not raw:
        return {}
    try:
        return {name: raw.decode()}
    except UnicodeDecodeError:
        return {f"{name}Base64": _base64(raw)}


def callback_fields(url: str, headers: str, callback: Callback | None) -> Object:
    """Where a callback goes, and with what headers."""
    if callback is None:
        return {}
    return {url: callback.url, headers: grouped(callback.headers)}


def flow_fields(message: Message) -> Object:
    """The limits that a message brought for its flow-control key."""
    flow = message.options.flow
    if flow is None:
        return {}
    view: Object = {"flowControlKey": flow.key, "period": flow.period}
    if flow.parallelism is not None:
        view["parallelism"] = flow.parallelism
    if flow.rate is not None:
        view["rate"] = flow.rate
    return view


def label_fields(message: Message) -> Object:
    """All labels, and the first of them under its old name."""
    labels = message.options.labels
    return {"label": labels[0], "labels": list(labels)} if labels else {}


def redacted(message: Message) -> Message:
    """The message as the API shows it."""
    redaction = message.options.redaction
    if redaction is None:
        return message
    return replace(
        message,
        body=_hash(message.body) if redaction.body and message.body else message.body,
        headers=_redacted_headers(message.headers, redaction),
    )


def _redacted_headers(headers: Headers, redaction: Redaction) -> Headers:
    return tuple(
        (name, _hash(value.encode()).decode())
        if redaction.all_headers or name in redaction.headers
        else (name, value)
        for name, value in headers
    )


def _hash(raw: bytes) -> bytes:
    return f"REDACTED:{hashlib.sha256(raw).hexdigest()}".encode()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
