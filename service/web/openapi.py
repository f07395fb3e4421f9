"""The served OpenAPI description: the routes' signatures, and what each says in its ``opt``.

Litestar reads the parameters; msgspec, which writes and reads our JSON, gives its schemas;
``described.py`` has the words for bodies and answers. A guarded route without words is an error.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Litestar, Router
from litestar.enums import HttpMethod
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute

from service.moments import LARGEST
from service.web.described import (
    GUARDED,
    KEY,
    NOT_SIGNED_IN,
    NOT_UNDERSTOOD,
    POSITION_OR_TIME,
    Answer,
    Content,
    Described,
    HeaderName,
)
from service.web.requests import WebRequest

Json = dict[str, Any]

FOLDER = "/schema"
PATH = f"{FOLDER}/openapi.json"
SCHEMAS = "#/components/schemas/"

DESCRIPTION = (
    "An event-sourced job tracker for documents. Errors are RFC 9457 problem details "
    "(`application/problem+json`): what, which, and what to do. A query parameter that is not "
    "listed here is refused. The webhooks that QStash calls are not described: nobody else can "
    "sign a request to them."
)
TAGS = {
    "documents": "A document comes in, is looked at, run again, cancelled.",
    "feed": "What changes, as it changes: a snapshot, then live, on one cursor.",
    "operations": "How the service and its queue are.",
}
HEADERS: dict[HeaderName, tuple[str, Json]] = {
    "Location": ("The document's address.", {"type": "string", "format": "uri-reference"}),
    "Feed-Cursor": ("Where the live feed goes on from this answer.", {"type": "string"}),
    "Retry-After": ("Seconds after which to try again.", {"type": "string", "pattern": "^[0-9]+$"}),
    "WWW-Authenticate": ("The scheme that is wanted: `Bearer`.", {"type": "string"}),
    "ETag": ("The cursor, for `If-None-Match`.", {"type": "string"}),
}
MOMENT: Json = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": LARGEST},
        {"type": "string", "format": "date-time"},
    ]
}
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "Wanted as soon as the server has a `WAYBILL_API_TOKEN`; without one it serves "
    "only its own machine.",
}


class Description(JsonRenderPlugin):
    """Serves the description; made at the first request, for the routes never change."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json")
        self._encoded = b""

    def render(self, request: WebRequest, openapi_schema: Json) -> bytes:
        """The description as JSON."""
        self._encoded = self._encoded or msgspec.json.encode(describe(request.app))
        return self._encoded


def openapi_config(version: str) -> OpenAPIConfig:
    """The framework's share of the description."""
    return OpenAPIConfig(
        title="Waybill",
        version=version,
        description=DESCRIPTION,
        operation_id_creator=lambda handler, _method, _path: handler.handler_name,
        use_handler_docstrings=True,
        render_plugins=[Description()],
        openapi_router=Router(
            FOLDER, route_handlers=[], include_in_schema=False, before_request=_only_the_document
        ),
    )


async def _only_the_document(request: WebRequest) -> None:
    """The framework has a page of its own for what is not there; ours is a problem like others."""
    if request.url.path.rstrip("/") not in (FOLDER, PATH):
        raise NotFoundException


def describe(web: Litestar) -> Json:
    """The whole description of this application as OpenAPI 3.1."""
    made = web.openapi_schema.to_schema()
    kinds = made["components"].get("schemas", {})
    paths: Json = {}
    shapes: list[type] = []
    for path, method, handler in _routes(web):
        words = _words(handler)
        operation = made["paths"][path][method]
        shapes += _shapes(words)
        paths.setdefault(path, {})[method] = {
            **{name: operation[name] for name in ("tags", "summary", "operationId")},
            "description": _markdown(operation["description"]),
            **_parameters(operation, kinds),
            **_request_body(words),
            "responses": {str(one.status): _response(one) for one in words.answers},
            "security": [{}, {"bearer": []}] if _guarded(handler) else [],
        }
    return {
        "openapi": made["openapi"],
        "info": made["info"],
        "servers": made["servers"],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": {path: dict(sorted(paths[path].items())) for path in sorted(paths)},
        "components": {
            "schemas": _components(shapes),
            "headers": {name: _header(*told) for name, told in HEADERS.items()},
            "securitySchemes": {"bearer": BEARER},
        },
    }


def _routes(web: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    for route in web.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if handler.resolve_include_in_schema() and method != HttpMethod.OPTIONS:
                yield route.path_format, method.lower(), handler


def _words(handler: HTTPRouteHandler) -> Described:
    found = handler.opt.get(KEY)
    if not isinstance(found, Described):
        raise LookupError(f"the route {handler.handler_name} does not say what it answers")
    common = (NOT_UNDERSTOOD, NOT_SIGNED_IN) if _guarded(handler) else ()
    said = {one.status for one in found.answers}
    answers = [*found.answers, *(one for one in common if one.status not in said)]
    return msgspec.structs.replace(
        found, answers=tuple(sorted(answers, key=lambda one: one.status))
    )


def _guarded(handler: HTTPRouteHandler) -> bool:
    return bool(handler.opt.get(GUARDED))


def _parameters(operation: Json, kinds: Json) -> Json:
    found = [_parameter(one, kinds) for one in operation.get("parameters", [])]
    return {"parameters": found} if found else {}


def _parameter(parameter: Json, kinds: Json) -> Json:
    schema = _without_null(parameter["schema"])
    if schema.get("format") == POSITION_OR_TIME:
        schema = MOMENT
    if "$ref" in schema.get("items", {}):
        kind = schema["items"]["$ref"].removeprefix(SCHEMAS)
        schema["items"] = {name: kinds[kind][name] for name in ("type", "enum")}
    told = {
        "name": parameter["name"],
        "in": parameter["in"],
        "description": _markdown(parameter.get("description", "")),
        "required": parameter["required"],
        "schema": schema,
    }
    examples = schema.pop("examples", None)
    return {**told, "example": examples[0]} if examples else told


def _without_null(schema: Json) -> Json:
    """A parameter is there or it is not; there is no way to write a null into an address."""
    choices = [one for one in schema.get("oneOf", []) if one.get("type") != "null"]
    told = {name: value for name, value in schema.items() if name not in ("oneOf", "description")}
    return _whole_numbers({**choices[0], **told} if choices else told)


def _whole_numbers(schema: Json) -> Json:
    bounds: Json = {name: int(schema[name]) for name in ("minimum", "maximum") if name in schema}
    return {**schema, **bounds}


def _request_body(words: Described) -> Json:
    if not words.bodies:
        return {}
    content = {one.media_type: _content(one) for one in words.bodies}
    about = {"description": words.body_meaning} if words.body_meaning else {}
    return {"requestBody": {**about, "required": words.body_required, "content": content}}


def _response(answer: Answer) -> Json:
    told: Json = {"description": answer.meaning}
    if answer.headers:
        told["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"} for name in answer.headers
        }
    if answer.contents:
        told["content"] = {one.media_type: _content(one) for one in answer.contents}
    return told


def _content(content: Content) -> Json:
    shape = content.shape
    schema = {"$ref": SCHEMAS + shape.__name__} if isinstance(shape, type) else dict(shape)
    example = {} if content.example is msgspec.UNSET else {"example": content.example}
    return {"schema": schema, **example}


def _header(meaning: str, schema: Json) -> Json:
    return {"description": meaning, "schema": schema}


def _shapes(words: Described) -> list[type]:
    contents = [*words.bodies, *(one for answer in words.answers for one in answer.contents)]
    return [one.shape for one in contents if isinstance(one.shape, type)]


def _components(shapes: list[type]) -> Json:
    _, found = msgspec.json.schema_components(
        list(dict.fromkeys(shapes)), ref_template=SCHEMAS + "{name}"
    )
    for schema in found.values():
        schema["description"] = _markdown(schema.get("description", ""))
    return dict(sorted(found.items()))


def _markdown(text: str) -> str:
    """A docstring for readers of Markdown."""
    return inspect.cleandoc(text).replace("``", "`")
