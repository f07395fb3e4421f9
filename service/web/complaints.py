"""Why the framework did not accept a parameter, in words: which, what it is, what it takes."""

from enum import Enum

from litestar.enums import ParamType
from litestar.exceptions import ValidationException
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition

from service.web.requests import WebRequest

SHOWN = 80
"""Characters of a refused value that are repeated in the answer."""


def complaint(request: WebRequest, error: ValidationException) -> str:
    """A sentence for each parameter that is wrong."""
    wrong = error.extra if isinstance(error.extra, list) else []
    return " ".join(_sentence(request, one) for one in wrong) or error.detail


def _sentence(request: WebRequest, wrong: dict[str, str]) -> str:
    key = wrong.get("key", "").partition(".")[0]
    field = request.route_handler.parsed_fn_signature.parameters.get(key)
    kwarg = field.kwarg_definition if field else None
    if field is None or not isinstance(kwarg, ParameterKwarg):
        return f"The parameter {key!r} is not accepted: {wrong.get('message')}."
    name = kwarg.name or key
    given = _given(request, kwarg.param_type, name)
    kind = kwarg.param_type.value
    noun = kind if kwarg.param_type is ParamType.HEADER else f"{kind} parameter"
    return f"The {noun} {name!r} is {given[:SHOWN]!r}; it takes {_takes(field, kwarg)}."


def _given(request: WebRequest, where: ParamType, name: str) -> str:
    match where:
        case ParamType.HEADER:
            return request.headers.get(name, "")
        case ParamType.PATH:
            return str(request.path_params[name])
        case _:
            return ", ".join(request.query_params.getall(name, []))


def _takes(field: FieldDefinition, kwarg: ParameterKwarg) -> str:
    kinds = [one.annotation for one in _leaves(field)]
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, Enum):
            return f"one of {', '.join(str(one.value) for one in kind)}"
    if int in kinds:
        return f"a whole number from {kwarg.ge} to {kwarg.le}"
    if kwarg.pattern is None:
        return f"{kwarg.min_length or 0} to {kwarg.max_length} characters"
    return kwarg.title or f"what matches {kwarg.pattern}"


def _leaves(field: FieldDefinition) -> list[FieldDefinition]:
    if not field.inner_types:
        return [field]
    return [leaf for one in field.inner_types for leaf in _leaves(one)]
