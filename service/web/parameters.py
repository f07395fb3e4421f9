"""Query parameters: what a route does not know is refused, so that no slip goes unnoticed."""

from functools import cache
from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import ParamType
from litestar.handlers.base import BaseRouteHandler
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition

from service.web.complaints import SHOWN
from service.web.problems import Problem

AnyConnection = ASGIConnection[Any, Any, Any, Any]


def known_only(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Raise a 400 for a query parameter that the route does not have, or has once."""
    if not connection.query_params:
        return
    known = _query_parameters(handler)
    for name in connection.query_params:
        if name not in known:
            there = f"there are: {', '.join(sorted(known))}" if known else "it takes none"
            raise _refused(f"There is no query parameter {name[:SHOWN]!r} here; {there}.")
        given = connection.query_params.getall(name)
        if len(given) > 1 and not _repeatable(known[name]):
            raise _refused(f"The query parameter {name!r} is there {len(given)} times; give one.")


@cache
def _query_parameters(handler: BaseRouteHandler) -> dict[str, FieldDefinition]:
    """By their names; there are as many handlers as routes."""
    injected = handler.resolve_dependencies()
    found: dict[str, FieldDefinition] = {}
    for name, field in handler.parsed_fn_signature.parameters.items():
        kwarg = field.kwarg_definition
        if name in injected or not isinstance(kwarg, ParameterKwarg):
            continue
        if kwarg.param_type is ParamType.QUERY:
            found[kwarg.name or name] = field
    return found


def _repeatable(field: FieldDefinition) -> bool:
    return any(one.is_non_string_sequence for one in (field, *field.inner_types))


def _refused(detail: str) -> Problem:
    return Problem(400, "Not understood", detail)
