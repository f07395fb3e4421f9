"""A selection as conditions on rows."""

from collections.abc import Callable, Mapping

from sqlalchemy import ColumnElement, Text, func, or_

from service.broker.filters import Selection
from service.broker.tables import dead_letters, log_entries, messages

__all__ = ["conditions"]

_Condition = Callable[[tuple[str, ...]], ColumnElement[bool]]


def _labelled(labels: tuple[str, ...]) -> ColumnElement[bool]:
    return or_(*(func.instr(messages.c.labels, f",{label},") > 0 for label in labels))


def _at_host(hosts: tuple[str, ...]) -> ColumnElement[bool]:
    wanted = [host.lower() for host in hosts]
    return or_(
        func.url_host(messages.c.url, type_=Text).in_(wanted),
        func.url_host_and_port(messages.c.url, type_=Text).in_(wanted),
    )


def _named(dlq_ids: tuple[str, ...]) -> ColumnElement[bool]:
    return dead_letters.c.id.in_([number_of(name) for name in dlq_ids])


_CONDITIONS: Mapping[str, _Condition] = {
    "messageId": messages.c.message_id.in_,
    "messageIds": messages.c.message_id.in_,
    "url": messages.c.url.in_,
    "label": _labelled,
    "topicName": messages.c.group_name.in_,
    "scheduleId": messages.c.schedule_id.in_,
    "queueName": messages.c.queue.in_,
    "host": _at_host,
    "path": func.url_path(messages.c.url, type_=Text).in_,
    "flowControlKey": messages.c.flow_key.in_,
    "callerIp": messages.c.caller_ip.in_,
    "callerIP": messages.c.caller_ip.in_,
    "state": log_entries.c.state.in_,
    "responseStatus": lambda values: dead_letters.c.response_status.in_([int(v) for v in values]),
    "dlqIds": _named,
}


def conditions(selection: Selection, *, at: ColumnElement[int]) -> list[ColumnElement[bool]]:
    """Conditions that all have to hold; `at` is the column its dates speak of."""
    found = [_CONDITIONS[name](values) for name, values in selection.any_of.items()]
    if selection.since is not None:
        found.append(at >= selection.since)
    if selection.until is not None:
        found.append(at <= selection.until)
    return found


def number_of(dlq_id: str) -> int:
    """The number behind a dead letter's public name; one that is never used when it is none."""
    milliseconds, dash, rest = dlq_id.partition("-")
    if not (dash and milliseconds.isascii() and milliseconds.isdigit() and len(milliseconds) < 16):
        return -1
    if not (rest.isascii() and rest.isdigit() and len(rest) <= 3):
        return -1
    return int(milliseconds) * 1000 + int(rest)
