"""The query parameters that pick messages, log entries and dead letters (pure)."""

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from msgspec import Struct, field

from service.broker.errors import Malformed
from service.broker.message import State

__all__ = ["DEAD_LETTERS", "LOG", "MESSAGES", "Selection", "ids_in", "read_selection"]

_SHARED = frozenset(
    {
        "url",
        "topicName",
        "scheduleId",
        "queueName",
        "label",
        "flowControlKey",
        "callerIp",
        "callerIP",
    }
)
MESSAGES = _SHARED | {"messageIds", "host", "path"}
LOG = MESSAGES | {"messageId", "state"}
DEAD_LETTERS = _SHARED | {"messageId", "responseStatus", "dlqIds"}
_MOST_VALUES = 1000


class Selection(Struct, frozen=True, kw_only=True):
    """Any of the values of one name, and all of the names at once; dates in microseconds."""

    any_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    since: int | None = None
    until: int | None = None
    cursor: int | None = None
    count: int

    @property
    def everything(self) -> bool:
        """Whether no filter was given at all."""
        return not (self.any_of or self.since or self.until)


def read_selection(query: bytes, *, names: frozenset[str], count: int, most: int) -> Selection:
    """The selection a raw query string asks for; `count` when it does not say how many."""
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query.decode("latin-1"), max_num_fields=_MOST_VALUES):
        if name != "qstash_token":
            values.setdefault(name, []).extend(part for part in value.split(",") if part)
    plain = {name: _only(values.pop(name), name) for name in _PLAIN if name in values}
    unknown = values.keys() - names
    if unknown:
        raise Malformed(
            f"query parameter {min(unknown)!r} is not known here; "
            f"there are {', '.join(sorted(names | set(_PLAIN)))}"
        )
    until = _number(plain, "toDate")
    return Selection(
        any_of={name: _checked(name, values[name]) for name in values},
        since=_milliseconds(plain, "fromDate"),
        # Both dates are included, and a date names a whole millisecond.
        until=None if until is None else until * 1000 + 999,
        cursor=_number(plain, "cursor"),
        count=_count(plain, count, most),
    )


def ids_in(document: object, *, name: str) -> tuple[str, ...] | None:
    """The list of ids in a JSON body such as `{"messageIds": [...]}`; None without a body."""
    if document is None:
        return None
    if not isinstance(document, dict) or set(document) - {name}:
        raise Malformed(f'body: it has to be {{"{name}": [...]}}')
    ids = document.get(name)
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise Malformed(f"body: {name} has to be a list of strings")
    if len(ids) > _MOST_VALUES:
        raise Malformed(f"body: {name} has {len(ids)} ids; send at most {_MOST_VALUES} at once")
    return tuple(ids)


_PLAIN = ("fromDate", "toDate", "cursor", "count")


def _only(values: list[str], name: str) -> str:
    if len(values) != 1:
        raise Malformed(f"query parameter {name}: give it once, with one value")
    return values[0]


def _number(plain: Mapping[str, str], name: str) -> int | None:
    text = plain.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise Malformed(f"query parameter {name}: {text!r} is no whole number")
    return int(text)


def _milliseconds(plain: Mapping[str, str], name: str) -> int | None:
    number = _number(plain, name)
    return None if number is None else number * 1000


def _count(plain: Mapping[str, str], default: int, most: int) -> int:
    number = _number(plain, "count")
    if number is None:
        return default
    if not 1 <= number <= most:
        raise Malformed(f"query parameter count: {number} is not between 1 and {most}")
    return number


def _checked(name: str, values: Iterable[str]) -> tuple[str, ...]:
    if name == "state":
        return tuple(state for value in values for state in _states(value))
    if name == "responseStatus" and not all(v.isascii() and v.isdigit() for v in values):
        raise Malformed("query parameter responseStatus: it is no whole number")
    return tuple(values)


def _states(value: str) -> tuple[str, ...]:
    if value == "IN_PROGRESS":
        return (State.ACTIVE, State.RETRY, State.ERROR)
    if value == "CANCELLED":
        return (State.CANCELED,)
    if value not in State.__members__:
        raise Malformed(
            f"query parameter state: {value!r} is none of {', '.join(State)}, IN_PROGRESS"
        )
    return (value,)
