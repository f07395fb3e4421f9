"""The arithmetic of retry delays."""

import math

import pytest

from service.broker.errors import Malformed
from service.broker.expression import evaluate, parse


@pytest.mark.parametrize(
    ("text", "retried", "milliseconds"),
    [
        ("15000", 0, 15000),
        ("7000 * retried", 2, 14000),
        ("1000 * (1 + retried)", 0, 1000),
        ("pow(retried, 2) * 1000", 3, 9000),
        ("max(1000, pow(2, retried) * 100)", 4, 1600),
        ("1 + 2 * 3 - 4 / 2", 0, 5),
        ("2 - 1 - 1", 0, 0),
        ("-retried + --3", 1, 2),
        ("round(2.5) + floor(1.9) + ceil(1.1) + abs(-1) + sqrt(4) + min(1, 2)", 0, 10),
        ("round(-2.5)", 0, -3),
        (".5e1", 0, 5),
    ],
)
def test_an_expression_has_the_value_arithmetic_gives_it(
    text: str, retried: int, milliseconds: float
) -> None:
    assert evaluate(parse(text), retried) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "(1",
        "1)",
        "pow(1)",
        "pow(1, 2, 3)",
        "negated(1)",
        "retries",
        "__import__('os')",
        "1; 2",
        "2 ** 3",
        "pow",
        "retried()",
        "1 2",
        "(" * 100 + "1" + ")" * 100,
        "1" * 1000,
    ],
)
def test_what_cannot_be_read_is_refused_by_name(text: str) -> None:
    with pytest.raises(Malformed, match="Upstash-Retry-Delay"):
        parse(text)


@pytest.mark.parametrize("text", ["1 / 0", "1 / (retried - 1)", "sqrt(-1)", "exp(9999) * 0"])
def test_a_value_that_does_not_exist_is_none_or_infinite(text: str) -> None:
    value = evaluate(parse(text), 1)

    assert value is None or math.isinf(value)


def test_a_value_that_is_too_large_is_infinite() -> None:
    assert evaluate(parse("pow(10, 9999)"), 0) == math.inf
