"""`Upstash-*` headers to a publish request (pure).

Unknown `Upstash-*` headers are ignored, as newer SDKs may send more; a known one that cannot be
read is refused by name.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache
from urllib.parse import unquote_plus

from msgspec import Struct
from msgspec.structs import replace

from service.broker import expression
from service.broker.destination import checked
from service.broker.durations import seconds_of
from service.broker.errors import Malformed
from service.broker.flow import flow_control
from service.broker.message import Callback, Headers, Options, Redaction

__all__ = ["Request", "canonical", "decoded", "kept", "read", "with_defaults"]

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
MOST_RETRIES = 1000
LONGEST_DELAY = 366 * 86400
MOST_HEADER_BYTES = 64 * 1024
WITHHELD = frozenset(
    {
        "authorization", "host", "content-length", "content-type", "connection", "keep-alive",
        "te", "trailer", "transfer-encoding", "upgrade", "expect", "proxy-authorization",
        "accept-encoding",
    }
)  # fmt: skip
"""What `Upstash-Header-Forward` never passes on; the body's type has its own place."""

_CALLBACK = "upstash-callback"
_FAILURE = "upstash-failure-callback"
_FORWARD = "upstash-forward-"
_PASSING = "upstash-header-forward"
_NAME = "upstash-deduplication-id"
_UNHEARD = frozenset(name.encode() for name in WITHHELD - {"content-type"})
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")


class Request(Struct, frozen=True, kw_only=True):
    """What a publisher asks: lasting options, and what matters only on arrival."""

    options: Options
    headers: Headers = ()
    delay: int = 0
    not_before: int | None = None
    deduplication_id: str | None = None
    by_content: bool = False


_NOTHING = Request(options=Options())


def decoded(
    headers: Iterable[tuple[bytes, bytes]], query: Collection[tuple[bytes, bytes]] = ()
) -> list[tuple[str, str]]:
    """Raw headers that may mean something here, and query parameters that stand for some."""
    pairs = [
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in headers
        if name not in _UNHEARD
    ]
    if query:
        given = {name for name, _ in pairs}
        stand_ins = ((_unquoted(name).lower(), _unquoted(value)) for name, value in query)
        pairs += [(name, value) for name, value in stand_ins if name not in given]
    return pairs


def kept(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those headers of a request that will mean something when its message is made later."""
    listed = list(pairs)
    passes = any(n == _PASSING and v.strip().lower() == "true" for n, v in listed)
    return [
        (name, value)
        for name, value in listed
        if name.startswith("upstash-")
        or name == "content-type"
        or (passes and name not in WITHHELD)
    ]


def with_defaults(
    pairs: list[tuple[str, str]], defaults: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Headers, and those defaults that they say nothing about."""
    said = {name for name, _ in pairs}
    return [*(pair for pair in defaults if pair[0] not in said), *pairs]


def read(pairs: Iterable[tuple[str, str]], base: Request | None = None) -> Request:
    """The request that headers (lower-case names) make; what they leave out comes from `base`."""
    common: list[tuple[str, str]] = []
    deduplication_id = None
    size = 0
    for pair in pairs:
        name, value = pair
        size += len(name) + len(value)
        if name == _NAME:
            deduplication_id = value
        else:
            common.append(pair)
    if size > MOST_HEADER_BYTES:
        raise Malformed(f"headers: they have {size} bytes, the limit is {MOST_HEADER_BYTES}")
    request = _read(tuple(common), base or _NOTHING)
    return replace(request, deduplication_id=deduplication_id) if deduplication_id else request


# Most messages of a publisher differ in nothing but this name.
@lru_cache(maxsize=128)
def _read(pairs: Headers, base: Request) -> Request:
    known: dict[str, str] = {}
    forwarded: list[tuple[str, str]] = []
    passing: list[tuple[str, str]] = []
    for name, value in pairs:
        if name.startswith(_FORWARD):
            forwarded.append(_header(name[len(_FORWARD) :], value))
        elif name.startswith("upstash-") or name == "content-type":
            known[name] = value
        elif name not in WITHHELD:
            passing.append((name, value))
    if known.get(_PASSING, "").strip().lower() == "true":
        forwarded = [
            *_without([_header(*pair) for pair in passing], forwarded),
            *forwarded,
        ]
    return _request(known, forwarded, base)


@lru_cache(maxsize=1024)
def canonical(name: str) -> str:
    """A header's name as QStash shows it: `Bypass-Tunnel-Reminder`."""
    lowered = name.lower()
    if not lowered or not _TOKEN.issuperset(lowered):
        raise Malformed(f"header name {name!r}: it is no name a header can have")
    return "-".join(part.capitalize() for part in lowered.split("-"))


def _request(known: dict[str, str], forwarded: list[tuple[str, str]], base: Request) -> Request:
    content_type = known.get("content-type")
    if content_type and not any(name == "Content-Type" for name, _ in forwarded):
        forwarded.insert(0, _header("content-type", content_type))
    headers = (*_without(base.headers, forwarded), *forwarded)
    if len(known) == 0:
        return replace(base, headers=headers)
    not_before = known.get("upstash-not-before")
    return Request(
        options=_options(known, base.options),
        headers=headers,
        delay=_delay(known, "upstash-delay", base.delay),
        not_before=_moment(not_before) if not_before is not None else base.not_before,
        by_content=_truth(known.get("upstash-content-based-deduplication", "false")),
    )


def _options(known: dict[str, str], base: Options) -> Options:
    retry_delay = known.get("upstash-retry-delay", base.retry_delay)
    if retry_delay is not None:
        expression.parse(retry_delay)
    key = known.get("upstash-flow-control-key")
    labels = known.get("upstash-label")
    redact = known.get("upstash-redact-fields")
    return replace(
        base,
        method=_method(known, "upstash-method", base.method),
        retries=_retries(known, "upstash-retries", base.retries),
        retry_delay=retry_delay,
        timeout=_timeout(known, "upstash-timeout", base.timeout),
        callback=_callback(known, _CALLBACK, base.callback),
        failure_callback=_callback(known, _FAILURE, base.failure_callback),
        flow=base.flow
        if key is None
        else flow_control(key, known.get("upstash-flow-control-value", "")),
        labels=base.labels if labels is None else _listed(labels),
        redaction=base.redaction if redact is None else _redaction(redact),
    )


def _callback(known: dict[str, str], prefix: str, base: Callback | None) -> Callback | None:
    url = known.get(prefix)
    if url is None:
        return base
    forward = f"{prefix}-forward-"
    headers = [
        _header(name[len(forward) :], value)
        for name, value in known.items()
        if name.startswith(forward)
    ]
    retry_delay = known.get(f"{prefix}-retry-delay")
    if retry_delay is not None:
        expression.parse(retry_delay)
    retries = f"{prefix}-retries"
    return Callback(
        url=checked(url, name=canonical(prefix)),
        method=_method(known, f"{prefix}-method", "POST"),
        headers=tuple(headers),
        retries=_retries(known, retries, 0) if retries in known else None,
        retry_delay=retry_delay,
        timeout=_timeout(known, f"{prefix}-timeout", None),
        delay=_delay(known, f"{prefix}-delay", 0),
    )


def _header(name: str, value: str) -> tuple[str, str]:
    shown = canonical(name)
    if any(character in "\r\n\0" for character in value):
        raise Malformed(f"header {shown}: its value holds a line break or a zero byte")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError as error:
        raise Malformed(f"header {shown}: {value[:40]!r} does not fit into a header") from error
    return shown, value.strip()


def _without(pairs: Iterable[tuple[str, str]], newer: list[tuple[str, str]]) -> Headers:
    replaced = {name for name, _ in newer}
    return tuple(pair for pair in pairs if pair[0] not in replaced)


def _method(known: dict[str, str], name: str, default: str) -> str:
    method = known.get(name, default).strip().upper()
    if method not in METHODS:
        raise Malformed(f"{canonical(name)}: {method!r} is none of {', '.join(sorted(METHODS))}")
    return method


def _whole(text: str, *, name: str, most: int) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text) <= most):
        raise Malformed(f"{name}: {text!r} is no whole number between 0 and {most}")
    return int(text)


def _retries(known: dict[str, str], name: str, default: int) -> int:
    if name not in known:
        return default
    return _whole(known[name], name=canonical(name), most=MOST_RETRIES)


def _timeout(known: dict[str, str], name: str, default: int | None) -> int | None:
    if name not in known:
        return default
    seconds = seconds_of(known[name], name=canonical(name))
    if seconds < 1:
        raise Malformed(f"{canonical(name)}: {known[name]!r} leaves no time; give at least 1s")
    return seconds


def _delay(known: dict[str, str], name: str, default: int) -> int:
    if name not in known:
        return default
    seconds = seconds_of(known[name], name=canonical(name))
    if seconds > LONGEST_DELAY:
        raise Malformed(f"{canonical(name)}: {known[name]!r} is longer than a year")
    return seconds


def _moment(text: str) -> int:
    return _whole(text, name="Upstash-Not-Before", most=253_402_300_799)


def _truth(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered not in ("true", "false"):
        raise Malformed(f"Upstash-Content-Based-Deduplication: {text!r} is neither true nor false")
    return lowered == "true"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _redaction(text: str) -> Redaction:
    body, every, named = False, False, []
    for field in _listed(text):
        kind, bracket, rest = field.partition("[")
        if field == "body":
            body = True
        elif kind not in ("header", "headers") or (bracket and not rest.endswith("]")):
            raise Malformed(
                f"Upstash-Redact-Fields: {field!r} is not known; give body, header or header[Name]"
            )
        elif bracket:
            named.append(canonical(rest[:-1]))
        else:
            every = True
    return Redaction(body=body, all_headers=every, headers=tuple(named))


def _unquoted(raw: bytes) -> str:
    return unquote_plus(raw.decode("latin-1"))
