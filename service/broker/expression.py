"""The arithmetic of `Upstash-Retry-Delay`: parsed into a small tree, never run by Python.

`parse` refuses what it does not understand; `evaluate` gives milliseconds, or None where
arithmetic has no answer (a division by zero, the root of a negative number).
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from service.broker.errors import Malformed

__all__ = ["Expression", "evaluate", "parse"]

LONGEST = 500
DEEPEST = 40

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_TOKEN = re.compile(rf"\s*(?:{_NUMBER}|[A-Za-z_]+|[-+*/(),])")


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Retried:
    """The variable: how many retries there were, 0 for the first."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator applied to its arguments."""

    function: str
    arguments: tuple["Expression", ...]


Expression = Number | Retried | Call


def _rounded(value: float) -> float:
    # Halves go away from zero, as in Go; Python's round() would take 2.5 to 2.
    return math.copysign(math.floor(abs(value) + 0.5), value)


_FUNCTIONS: Mapping[str, tuple[int, Callable[..., float]]] = {
    "pow": (2, math.pow),
    "sqrt": (1, math.sqrt),
    "abs": (1, abs),
    "exp": (1, math.exp),
    "floor": (1, math.floor),
    "ceil": (1, math.ceil),
    "round": (1, _rounded),
    "min": (2, min),
    "max": (2, max),
    "+": (2, lambda left, right: left + right),
    "-": (2, lambda left, right: left - right),
    "*": (2, lambda left, right: left * right),
    "/": (2, lambda left, right: left / right),
    "negated": (1, lambda value: -value),
}
_NAMED = frozenset(name for name in _FUNCTIONS if name.isalpha() and name != "negated")


@lru_cache(maxsize=256)
def parse(text: str) -> Expression:
    """The tree of an expression such as `max(1000, pow(2, retried) * 100)`."""
    if len(text) > LONGEST:
        raise _refusal(text[:40] + "...", f"it is longer than {LONGEST} characters")
    return _Parser(text).whole()


def evaluate(expression: Expression, retried: int) -> float | None:
    """The value in milliseconds, infinite when it is too large, None when there is none."""
    try:
        value = _value(expression, float(retried))
    except OverflowError:
        return math.inf
    except (ValueError, ZeroDivisionError):
        return None
    return None if math.isnan(value) else value


def _value(expression: Expression, retried: float) -> float:
    match expression:
        case Number(value):
            return value
        case Retried():
            return retried
        case Call(function, arguments):
            _, apply = _FUNCTIONS[function]
            return float(apply(*(_value(argument, retried) for argument in arguments)))


def _refusal(text: str, reason: str) -> Malformed:
    return Malformed(
        f"Upstash-Retry-Delay: {text!r} cannot be read: {reason}; "
        "it may hold numbers, retried, + - * / ( ) and pow sqrt abs exp floor ceil round min max"
    )


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._next = 0
        self._depth = 0

    def _split(self, text: str) -> list[str]:
        tokens: list[str] = []
        position = 0
        written = text.rstrip()
        while position < len(written):
            found = _TOKEN.match(written, position)
            if found is None:
                raise _refusal(text, f"{written[position:].strip()[:1]!r} is not known")
            tokens.append(found.group().strip())
            position = found.end()
        return tokens

    def whole(self) -> Expression:
        expression = self._sum()
        if self._peek():
            raise _refusal(self._text, f"{self._peek()!r} stands where the end should be")
        return expression

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            found = repr(token) if token else "its end"
            raise _refusal(self._text, f"{found} comes where {wanted or 'a value'} should stand")
        self._next += 1
        return token

    def _sum(self) -> Expression:
        left = self._product()
        while self._peek() in ("+", "-"):
            left = Call(self._take(), (left, self._product()))
        return left

    def _product(self) -> Expression:
        left = self._signed()
        while self._peek() in ("*", "/"):
            left = Call(self._take(), (left, self._signed()))
        return left

    def _signed(self) -> Expression:
        negative = False
        while self._peek() in ("+", "-"):
            negative ^= self._take() == "-"
        value = self._deeper()
        return Call("negated", (value,)) if negative else value

    def _deeper(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _refusal(self._text, f"it is nested deeper than {DEEPEST} levels")
        value = self._single()
        self._depth -= 1
        return value

    def _single(self) -> Expression:
        word = self._take()
        if word == "(":
            value = self._sum()
            self._take(")")
            return value
        if word == "retried":
            return Retried()
        if word in _NAMED:
            return self._call(word)
        if word[0].isdigit() or word[0] == ".":
            return Number(float(word))
        raise _refusal(self._text, f"{word!r} is not known here")

    def _call(self, function: str) -> Expression:
        self._take("(")
        arguments = [self._sum()]
        while self._peek() == ",":
            self._take()
            arguments.append(self._sum())
        self._take(")")
        wanted, _ = _FUNCTIONS[function]
        if len(arguments) != wanted:
            raise _refusal(self._text, f"{function} takes {wanted} values, not {len(arguments)}")
        return Call(function, tuple(arguments))
