"""Log lines: what a line holds, what it must never hold, and that it has an end."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import structlog

from service.logs import LONGEST_TRACE, LONGEST_VALUE, configure_logging, get_logger
from tests.fakes import FakeClock

Configure = Callable[..., io.StringIO]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.fixture
def configure(clock: FakeClock) -> Iterator[Configure]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def start(
        style: Literal["auto", "human", "json"] = "json",
        stream: io.StringIO | None = None,
        **more: Any,
    ) -> io.StringIO:
        stream = stream or io.StringIO()
        configure_logging(
            style=style, level=more.pop("level", "info"), clock=clock, stream=stream, **more
        )
        return stream

    yield start
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def only_line(stream: io.StringIO) -> dict[str, Any]:
    [line] = stream.getvalue().splitlines()
    fields: dict[str, Any] = json.loads(line)
    return fields


def test_a_line_is_a_constant_text_with_fields(configure: Configure) -> None:
    stream = configure()

    get_logger().info("document enqueued", document="doc_1", position=7)

    assert only_line(stream) == {
        "at": "2025-01-01T00:00:00.000Z",
        "level": "info",
        "event": "document enqueued",
        "document": "doc_1",
        "position": 7,
    }


def test_a_line_for_people_is_one_line(configure: Configure) -> None:
    stream = configure("human")

    get_logger().warning("upload refused", name="a b.pdf", status=413)

    assert stream.getvalue() == "00:00:00.000 warning upload refused  name='a b.pdf' status=413\n"


def test_auto_is_for_people_on_a_terminal_only(configure: Configure) -> None:
    terminal = configure("auto", Terminal())
    get_logger().info("started")
    file = configure("auto")
    get_logger().info("started")

    assert terminal.getvalue() == "00:00:00.000 info    started\n"
    assert only_line(file)["event"] == "started"


def test_a_library_logs_the_same_way(configure: Configure) -> None:
    stream = configure()

    logging.getLogger("a.library").warning("port %d is taken", 8321, extra={"port": 8321})

    line = only_line(stream)
    assert (line["level"], line["event"], line["port"]) == ("warning", "port 8321 is taken", 8321)


def test_less_important_lines_are_left_out(configure: Configure) -> None:
    stream = configure(level="warning")

    get_logger().info("started")
    logging.getLogger("alembic").info("Context impl SQLiteImpl.")

    assert stream.getvalue() == ""


def test_a_bound_field_is_in_every_line(configure: Configure) -> None:
    stream = configure()

    with structlog.contextvars.bound_contextvars(request="r1"):
        get_logger().info("document registered")

    assert only_line(stream)["request"] == "r1"


@pytest.mark.parametrize(
    "name",
    [
        *("token", "api_token", "QSTASH_TOKEN", "Authorization", "Upstash-Signature", "ticket"),
        *("qstash_current_signing_key", "next_signing_key", "Set-Cookie", "password"),
    ],
)
def test_a_field_with_a_secret_name_is_hidden(configure: Configure, name: str) -> None:
    stream = configure()

    get_logger().info(
        "called", **{name: "s3cr3t", "headers": {name: "s3cr3t", "list": [{name: "s3cr3t"}]}}
    )

    assert "s3cr3t" not in stream.getvalue()
    assert stream.getvalue().count("(hidden)") == 3


@pytest.mark.parametrize("style", ["json", "human"])
def test_a_known_secret_is_hidden_wherever_it_is(configure: Configure, style: str) -> None:
    stream = configure(style, secrets=["sig_abc123"])

    try:
        raise ValueError("the key sig_abc123 is wrong")
    except ValueError:
        get_logger().exception("refused", address="http://host/?key=sig_abc123")
    logging.getLogger("uvicorn.error").error("GET /?key=sig_abc123")

    assert "sig_abc123" not in stream.getvalue()


def test_a_long_value_is_cut_and_says_so(configure: Configure) -> None:
    stream = configure()

    get_logger().info("page read", text="x" * (LONGEST_VALUE + 10), pages=["y" * LONGEST_VALUE] * 3)

    line = only_line(stream)
    assert line["text"] == "x" * LONGEST_VALUE + "... (10 more)"
    assert len(line["pages"]) < LONGEST_VALUE + 30


def test_a_long_trace_keeps_both_ends(configure: Configure) -> None:
    stream = configure()

    try:
        raise ValueError("first " + "x" * 50_000 + " last")
    except ValueError:
        get_logger().exception("failed")

    trace = only_line(stream)["exception"]
    assert trace.startswith("Traceback")
    assert trace.endswith("last")
    assert len(trace) < LONGEST_TRACE + 50


def test_a_hostile_name_cannot_forge_a_line_or_steer_a_terminal(configure: Configure) -> None:
    stream = configure("human")

    get_logger().info("upload", name="a\nERROR \x1b[2J\x9b")

    assert len(stream.getvalue().splitlines()) == 1
    assert stream.getvalue().rstrip("\n").isprintable()


class Untellable:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    "value",
    [
        *(1 << 80, float("nan"), "\udc80", {1: {2: {3: {4: {5: {6: 7}}}}}}, b"\xff", {"k"}),
        *(Untellable(), [Untellable()]),
    ],
)
@pytest.mark.parametrize("style", ["json", "human"])
def test_a_strange_value_stops_nothing(configure: Configure, style: str, value: object) -> None:
    stream = configure(style)

    get_logger().info("strange", value=value)

    assert "strange" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_a_value_that_holds_itself_stops_nothing(configure: Configure) -> None:
    stream = configure()
    value: list[object] = []
    value.append(value)

    get_logger().info("endless", value=value)

    assert only_line(stream)["event"] == "endless"


def test_a_reader_who_left_stops_nothing(configure: Configure) -> None:
    configure(stream=Closed())

    get_logger().info("started")


def test_a_library_that_logs_wrongly_stops_nothing(configure: Configure) -> None:
    stream = configure()

    logging.getLogger("uvicorn").warning("%d pages", "many")

    assert "could not be formatted" in stream.getvalue()
