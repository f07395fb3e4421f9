"""What a publisher may say in headers."""

import pytest

from service.broker.errors import Malformed
from service.broker.flow import FlowControl
from service.broker.headers import Request, canonical, decoded, read
from service.broker.message import Callback, Options, Redaction


def options(**headers: str) -> Options:
    return request(**headers).options


def request(**headers: str) -> Request:
    pairs = [(f"upstash-{name.replace('_', '-')}", value) for name, value in headers.items()]
    return read(pairs)


def test_nothing_said_means_the_defaults() -> None:
    assert read([]) == Request(options=Options(method="POST", retries=3))


def test_the_lasting_options_are_read() -> None:
    found = options(
        method="put",
        retries="0",
        retry_delay="1000 * retried",
        timeout="1m30s",
        label="a, b,,c",
        flow_control_key="k",
        flow_control_value="parallelism=3,rate=10 , period=1m",
    )

    assert found == Options(
        method="PUT",
        retries=0,
        retry_delay="1000 * retried",
        timeout=90,
        labels=("a", "b", "c"),
        flow=FlowControl(key="k", parallelism=3, rate=10, period=60),
    )


def test_flow_control_may_name_only_some_values() -> None:
    found = options(flow_control_key="k", flow_control_value="rate=10,period=90")

    assert found.flow == FlowControl(key="k", rate=10, period=90)


def test_a_moment_and_a_delay_are_both_kept() -> None:
    found = request(delay="50s", not_before="1735689600")

    assert (found.delay, found.not_before) == (50, 1735689600)


@pytest.mark.parametrize(("text", "meant"), [("True", True), ("false", False), ("TRUE", True)])
def test_truth_is_read_however_it_is_capitalised(text: str, meant: bool) -> None:
    assert request(content_based_deduplication=text).by_content is meant


def test_forwarded_headers_lose_their_prefix_and_keep_the_type_of_the_body() -> None:
    found = read(
        [
            ("content-type", "text/plain"),
            ("upstash-forward-x-own", "1"),
            ("upstash-forward-x-own", "2"),
            ("x-not-forwarded", "3"),
            ("upstash-telemetry-sdk", "ignored"),
        ]
    )

    assert found.headers == (("Content-Type", "text/plain"), ("X-Own", "1"), ("X-Own", "2"))


def test_a_forwarded_type_wins_over_the_requests_own() -> None:
    pairs = [("content-type", "text/plain"), ("upstash-forward-content-type", "a/b")]

    assert read(pairs).headers == (("Content-Type", "a/b"),)


def test_all_headers_pass_on_request_but_credentials_and_framing() -> None:
    found = read(
        [
            ("upstash-header-forward", "true"),
            ("authorization", "Bearer secret"),
            ("host", "broker"),
            ("content-length", "3"),
            ("connection", "close"),
            ("x-own", "1"),
            ("x-both", "request"),
            ("upstash-forward-x-both", "explicit"),
        ]
    )

    assert found.headers == (("X-Own", "1"), ("X-Both", "explicit"))


def test_a_callback_has_options_of_its_own() -> None:
    found = options(
        failure_callback="https://example.com/failed",
        failure_callback_method="PUT",
        failure_callback_retries="1",
        failure_callback_retry_delay="5",
        failure_callback_timeout="5s",
        failure_callback_delay="1m",
        failure_callback_forward_x_own="1",
    )

    assert found.callback is None
    assert found.failure_callback == Callback(
        url="https://example.com/failed",
        method="PUT",
        headers=(("X-Own", "1"),),
        retries=1,
        retry_delay="5",
        timeout=5,
        delay=60,
    )


def test_redaction_is_read_in_all_four_spellings() -> None:
    assert options(redact_fields="body,header").redaction == Redaction(body=True, all_headers=True)
    assert options(redact_fields="headers").redaction == Redaction(all_headers=True)
    assert options(redact_fields="header[x-a], headers[B]").redaction == Redaction(
        headers=("X-A", "B")
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "HEAD"),
        ("retries", "-1"),
        ("retries", "many"),
        ("retries", "1e3"),
        ("retry_delay", "eval(1)"),
        ("timeout", "0s"),
        ("timeout", "10"),
        ("delay", "soon"),
        ("delay", "367d"),
        ("not_before", "1.5"),
        ("not_before", "9" * 15),
        ("callback", "nowhere"),
        ("failure_callback", "ftp://example.com"),
        ("content_based_deduplication", "yes"),
        ("redact_fields", "everything"),
        ("redact_fields", "header[x"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(Malformed, match="(?i)" + name.replace("_", ".").split(".")[0]):
        request(**{name: value})


@pytest.mark.parametrize(
    "value", ["parallelism=0", "parallelism=x", "rate=", "period=8d", "speed=3", "rate"]
)
def test_flow_control_that_cannot_be_read_is_refused(value: str) -> None:
    with pytest.raises(Malformed, match="Upstash-Flow-Control-Value"):
        request(flow_control_key="k", flow_control_value=value)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\0b", "€"])
def test_a_header_that_would_break_the_request_is_refused(value: str) -> None:
    with pytest.raises(Malformed, match="X-Own"):
        read([("upstash-forward-x-own", value)])


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ä"])
def test_a_name_no_header_can_have_is_refused(name: str) -> None:
    with pytest.raises(Malformed, match="header name"):
        canonical(name)


def test_too_many_headers_are_refused() -> None:
    with pytest.raises(Malformed, match="limit is 65536"):
        read([("upstash-forward-x", "a" * 70_000)])


def test_headers_of_the_connection_mean_nothing_here() -> None:
    assert decoded([(b"host", b"h"), (b"content-length", b"5"), (b"content-type", b"a/b")]) == [
        ("content-type", "a/b")
    ]


def test_what_differs_in_its_name_only_is_read_alike() -> None:
    pairs = [("upstash-retries", "1"), ("upstash-label", "a")]

    first, second = (read([*pairs, ("upstash-deduplication-id", name)]) for name in "ab")

    assert (first.deduplication_id, second.deduplication_id) == ("a", "b")
    assert read(pairs).deduplication_id is None
    assert first.options is second.options


def test_a_query_parameter_stands_for_a_header_that_is_missing() -> None:
    pairs = decoded(
        [(b"Upstash-Retries", b"1")],
        [(b"upstash-retries", b"9"), (b"UPSTASH-delay", b"1h"), (b"upstash-label", b"a%20b+c")],
    )

    assert pairs == [
        ("upstash-retries", "1"),
        ("upstash-delay", "1h"),
        ("upstash-label", "a b c"),
    ]


def test_a_retry_changes_only_what_it_names() -> None:
    base = Request(
        options=Options(method="PUT", retries=5, labels=("a",)), headers=(("X-A", "1"), ("B", "2"))
    )

    again = read([("upstash-retries", "0"), ("upstash-forward-b", "3")], base)

    assert again.options == Options(method="PUT", retries=0, labels=("a",))
    assert again.headers == (("X-A", "1"), ("B", "3"))
