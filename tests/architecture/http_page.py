"""The reference page of the HTTP API, made from its OpenAPI description."""

import json
from typing import Any

from service.web.openapi import describe
from tests.golden.openapi import web_with_nothing_behind_it

Json = dict[str, Any]

HEAD = """# HTTP

<!-- Made by scripts/docs from the service's OpenAPI description; edit the routes. -->

The same as OpenAPI 3.1: `GET /schema/openapi.json`. The live feed has a page of its own:
[feed.md](feed.md).

* **Errors** are RFC 9457 problem details (`application/problem+json`): `title`, `status`, and a
  `detail` that says what, which, and what to do.
* **A query parameter** that a route does not have is refused with 400.
* **The token**: with `WAYBILL_API_TOKEN` set, every route but `/health` and the page wants
  `Authorization: Bearer TOKEN`.
* **QStash** calls `/v1/qstash/process`, `/v1/qstash/failed` and `/v1/qstash/callback`; they answer
  401 to anything that it did not sign.

## The way of a document

Upload a document. The `Idempotency-Key` makes it safe to send the same again, after a broken
connection for instance: the answer is the same document.

```sh
curl -H 'Content-Type: application/pdf' -H 'Idempotency-Key: 6f1c2d6e' \\
     --data-binary @report.pdf 'http://127.0.0.1:8321/v1/documents?name=report.pdf&owner=ada'
```

The same as a form, and for a document that lies in the object store already:

```sh
curl -H 'Idempotency-Key: 03b7e8aa' -F owner=ada -F file=@report.pdf \\
     http://127.0.0.1:8321/v1/documents
curl -H 'Idempotency-Key: c45d9012' --json '{"path": "incoming/report.pdf", "owner": "ada"}' \\
     http://127.0.0.1:8321/v1/documents
```

Wait for its end, then read its text:

```sh
curl -N 'http://127.0.0.1:8321/v1/feed?doc=doc_01m83dvewjezsvhxzt7xjrmacc&until=done'
curl http://127.0.0.1:8321/v1/documents/doc_01m83dvewjezsvhxzt7xjrmacc/text
```

"""


def http_page() -> str:
    """Every route with its parameters, bodies and answers, then every shape."""
    description = describe(web_with_nothing_behind_it())
    routes = [
        _route(path, method, operation)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]
    shapes = [_shape(name, one) for name, one in description["components"]["schemas"].items()]
    return HEAD + "\n".join([*routes, "## Shapes\n", *shapes])


def _route(path: str, method: str, operation: Json) -> str:
    return "\n".join(
        [
            f"## {method.upper()} `{path}`\n",
            f"{operation['description']}\n",
            *_parameters(operation.get("parameters", [])),
            *_body(operation.get("requestBody")),
            *_answers(operation["responses"]),
        ]
    )


def _parameters(parameters: list[Json]) -> list[str]:
    if not parameters:
        return []
    rows = [
        f"| `{one['name']}` | {one['in']} | {_takes(one['schema'])} | {_line(one['description'])} |"
        for one in parameters
    ]
    return ["| parameter | in | takes | meaning |", "|---|---|---|---|", *rows, ""]


def _body(body: Json | None) -> list[str]:
    if body is None:
        return []
    wanted = "" if body["required"] else " It may be left out."
    rows = [
        f"| `{media_type}` | {_named(content['schema'])} |"
        for media_type, content in body["content"].items()
    ]
    fields = [
        line
        for media_type, content in body["content"].items()
        if "properties" in content["schema"]
        for line in [f"The fields of `{media_type}`:\n", *_fields(content["schema"])]
    ]
    examples = [
        line for content in body["content"].values() for line in _code(content.get("example"))
    ]
    return [
        f"**Body.** {body['description']}{wanted}\n",
        *["| `Content-Type` | body |", "|---|---|", *rows, ""],
        *fields,
        *examples,
    ]


def _answers(answers: Json) -> list[str]:
    rows = [
        f"| {status} | {_line(answer['description'])} | {_comes_with(answer)} |"
        for status, answer in answers.items()
    ]
    first = next(iter(answers.values())).get("content", {})
    examples = [line for content in first.values() for line in _code(content.get("example"))]
    return ["| answer | when | with |", "|---|---|---|", *rows, "", *examples]


def _comes_with(answer: Json) -> str:
    contents = [
        f"`{media_type}`" if "problem" in media_type else f"`{media_type}`: {_named(one['schema'])}"
        for media_type, one in answer.get("content", {}).items()
    ]
    return ", ".join([*contents, *(f"`{name}`" for name in answer.get("headers", {}))])


def _code(example: object) -> list[str]:
    if example is None:
        return []
    if isinstance(example, str):
        return ["```text", example.rstrip(), "```", ""]
    return ["```json", json.dumps(example, indent=2, ensure_ascii=False), "```", ""]


def _shape(name: str, schema: Json) -> str:
    return "\n".join([f"### {name}\n", f"{schema['description']}\n", *_fields(schema)])


def _fields(schema: Json) -> list[str]:
    rows = [
        f"| `{name}` | {_named(one)} | {_line(one.get('description', ''))} |"
        for name, one in schema["properties"].items()
    ]
    return ["| field | is | |", "|---|---|---|", *rows, ""]


def _named(schema: Json) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_named(one) for one in schema["anyOf"])
    if "items" in schema:
        return f"list of {_named(schema['items'])}"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(one)}`" for one in schema["enum"])
    return f"`{schema.get('format') or schema.get('type', 'any')}`"


def _takes(schema: Json) -> str:
    """What a parameter takes, in a few words."""
    if "items" in schema:
        return f"{_takes(schema['items'])}; more than once"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "minimum" in schema:
        unset = f", else {schema['default']}" if "default" in schema else ""
        return f"{schema['minimum']} to {schema['maximum']}{unset}"
    if "pattern" in schema:
        return f"`{schema['pattern']}`"
    return "text"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
