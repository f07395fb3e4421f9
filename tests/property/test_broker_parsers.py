"""Whatever a publisher sends is either understood or refused by name; nothing else happens."""

from hypothesis import given
from hypothesis import strategies as st

from service.broker.destination import checked, from_request
from service.broker.durations import go_seconds, seconds_of
from service.broker.errors import Malformed
from service.broker.expression import evaluate, parse
from service.broker.filters import LOG, read_selection
from service.broker.headers import read
from service.broker.retry import LONGEST, delay_before_next
from tests.fakes import START

KNOWN = [
    "method",
    "retries",
    "retry-delay",
    "timeout",
    "delay",
    "not-before",
    "callback",
    "failure-callback",
    "label",
    "callback-retries",
    "callback-delay",
    "failure-callback-timeout",
    "deduplication-id",
    "content-based-deduplication",
    "flow-control-key",
    "flow-control-value",
    "redact-fields",
    "forward-x",
    "callback-forward-x",
    "header-forward",
]
arithmetic = st.text("0123456789.+-*/(), retriedpowsqtabxflcun", max_size=40)
anything = st.text(max_size=40)


@given(st.one_of(arithmetic, anything), st.integers(0, 1000))
def test_an_expression_is_a_number_nothing_or_refused(text: str, retried: int) -> None:
    try:
        value = evaluate(parse(text), retried)
    except Malformed:
        return
    assert value is None or value == value  # never NaN


@given(st.one_of(arithmetic, anything), st.integers(0, 1000), anything)
def test_a_delay_is_between_now_and_a_day(text: str, retried: int, hint: str) -> None:
    try:
        delay = delay_before_next(
            retried=retried, written=text, hints=(("Retry-After", hint),), at=START
        )
    except Malformed:
        return
    assert 0 <= delay <= LONGEST


@given(st.one_of(anything, st.text("0123456789smhdnu.µ", max_size=20)))
def test_a_duration_is_whole_seconds_or_refused(text: str) -> None:
    go_seconds(text)
    try:
        assert seconds_of(text, name="Upstash-Delay") >= 0
    except Malformed as error:
        assert "Upstash-Delay" in str(error)


@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from([f"upstash-{name}" for name in KNOWN]), anything), anything
        ),
        max_size=8,
    )
)
def test_headers_are_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        request = read(pairs)
    except Malformed:
        return
    for name, value in request.headers:
        name.encode("ascii")
        assert not set("\r\n\0") & set(value)
        value.encode("latin-1")


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_destination_is_deliverable_or_refused(path: bytes, query: bytes) -> None:
    try:
        raw = from_request(b"/v2/publish/http://" + path, query, after=b"/v2/publish/")
        url = checked(raw, name="destination")
    except Malformed:
        return
    assert url == raw
    assert url.isascii()


@given(st.binary(max_size=80))
def test_a_query_is_a_selection_or_refused(query: bytes) -> None:
    try:
        selection = read_selection(query, names=LOG, count=10, most=100)
    except Malformed:
        return
    assert 1 <= selection.count <= 100
