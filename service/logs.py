"""Log lines: a constant text and fields, as JSON or for people, bounded, on standard error.

Our rooms log through `get_logger`; libraries log through the standard `logging` and come out the
same. Fields that may hold a secret are masked by name, and the secrets we know also by value.
"""

import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from service.clock import Clock, system_clock
from service.settings import Settings

LONGEST_VALUE = 2048
LONGEST_TRACE = 8192
MOST_FIELDS = 40
DEEPEST = 5
HIDDEN = "(hidden)"

_SECRET_NAMES = frozenset({"authorization", "cookie", "jwt", "set_cookie", "ticket"})
_SECRET_ENDINGS = ("password", "secret", "signature", "signing_key", "token", "api_key")
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "alembic", "litestar")
_TALKATIVE = ("alembic", "asyncio", "httpcore", "httpx", "pypdf", "sse_starlette", "urllib3")

Level = Literal["debug", "info", "warning", "error"]


def get_logger() -> FilteringBoundLogger:
    """A logger for a room: `log.info("document enqueued", document=..., message=...)`."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def configure_logging(
    *,
    style: Literal["auto", "human", "json"],
    level: Level,
    clock: Clock,
    secrets: Sequence[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Sends every line, ours and the libraries', to one stream; to be called once per process.

    `secrets` are values that must not appear in any line, whatever field or text they are in.
    """
    target = stream or sys.stderr
    as_json = style == "json" or (style == "auto" and not target.isatty())
    number = getattr(logging, level.upper())
    prepare: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _stamped(clock),
    ]
    finish: list[Processor] = [
        structlog.processors.format_exc_info,
        _bounded,
        _rendered(_as_json if as_json else _for_people, secrets),
    ]
    lines = _Lines(target)
    structlog.configure(
        processors=[*prepare, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    _route_libraries(lines, prepare, finish, number)


def log_to_standard_error(settings: Settings) -> None:
    """Send log lines where they belong; standard output is for what was asked for."""
    secrets = [
        secret
        for secret in (
            settings.api_token,
            settings.database_url,
            settings.qstash_token,
            settings.qstash_current_signing_key,
            settings.qstash_next_signing_key,
        )
        if secret
    ]
    configure_logging(
        style=settings.log_format,
        level=settings.log_level,
        clock=system_clock,
        secrets=secrets,
    )


def _route_libraries(
    lines: "_Lines", prepare: list[Processor], finish: list[Processor], number: int
) -> None:
    handler = _Handler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*prepare, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    logging.captureWarnings(True)
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


class _Lines:
    """The end of the road: one whole line at a time; what cannot be written stops nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        # Whoever read our standard error may be gone; the service goes on.
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = line


class _Handler(logging.Handler):
    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:  # a library's own mistake in a log call must not become ours
            text = f"a line of {record.name} at line {record.lineno} could not be formatted"
        self._lines.line(text)


def _stamped(clock: Clock) -> Processor:
    def stamp(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
        now = datetime.fromtimestamp(clock() / 1_000_000, UTC)
        fields["at"] = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return fields

    return stamp


def _bounded(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    """Every line has an end: few fields, each cut, a trace cut in its middle, secrets masked."""
    bounded: EventDict = {key: fields.pop(key, "") for key in ("at", "level", "event")}
    bounded["event"] = _cut(_text(bounded["event"]))
    trace = fields.pop("exception", None)
    for name in list(fields)[:MOST_FIELDS]:
        bounded[name[:LONGEST_VALUE]] = _value(name, fields[name])
    if trace:
        bounded["exception"] = _cut_middle(str(trace))
    return bounded


def _value(name: str, value: object) -> object:
    if _is_secret(name):
        return HIDDEN
    value = _masked(value, DEEPEST)
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, dict | list):
        text = str(value)
        return value if len(text) <= LONGEST_VALUE else _cut(text)
    return value


def _masked(value: object, depth: int) -> object:
    """The same in plain values, without those of secret names: a mapping of headers has some."""
    if depth == 0:
        return "..."
    if isinstance(value, Mapping):
        return {
            str(name): HIDDEN if _is_secret(str(name)) else _masked(inner, depth - 1)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_masked(inner, depth - 1) for inner in value]
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int) and value.bit_length() < 64:
        return value
    return _text(value)


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # a value that cannot be told must not stop the work it belongs to
        return f"({type(value).__name__} without a text)"


def _is_secret(name: str) -> bool:
    name = name.lower().replace("-", "_")
    return name in _SECRET_NAMES or name.endswith(_SECRET_ENDINGS)


def _cut(text: str) -> str:
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]}... ({len(text) - LONGEST_VALUE} more)"


def _cut_middle(text: str) -> str:
    """A trace begins with where and ends with what; the middle can go."""
    if len(text) <= LONGEST_TRACE:
        return text
    half = LONGEST_TRACE // 2
    return f"{text[:half]}\n... ({len(text) - 2 * half} more) ...\n{text[-half:]}"


def _rendered(render: Callable[[EventDict], str], secrets: Sequence[str]) -> Processor:
    """The last step: fields to one text, with the secrets we know taken out of it."""

    def rendered(_: WrappedLogger, __: str, fields: EventDict) -> str:
        try:
            text = render(fields)
        except (TypeError, ValueError, OverflowError, RecursionError):
            # Text that is no Unicode, a value that has no JSON: the line is told in plain ASCII.
            text = ascii(fields)
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        return text

    return rendered


def _as_json(fields: EventDict) -> str:
    return msgspec.json.encode(fields, enc_hook=str).decode()


def _for_people(fields: EventDict) -> str:
    """`12:04:05.678 info    document enqueued  document=doc_01 message=msg_02`."""
    at, level, event = (str(fields.pop(key)) for key in ("at", "level", "event"))
    trace = str(fields.pop("exception", ""))
    told = " ".join(f"{name}={_visible(value)}" for name, value in fields.items())
    line = f"{at[11:23]} {level:<7} {_visible_text(event)}"
    if told:
        line += f"  {told}"
    return line + "".join(f"\n    {_visible_text(part)}" for part in trace.splitlines())


def _visible(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text and text else repr(text)


def _visible_text(text: str) -> str:
    """Text from a document or a client must not steer somebody's terminal."""
    return text if text.isprintable() else repr(text)[1:-1]
