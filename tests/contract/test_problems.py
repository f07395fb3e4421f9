"""Whatever is wrong with a request, the answer says what, which, and what to do."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.journey.product import Waybill, running

TOKEN = "a-token-for-the-tests"
LIMIT = 100_000
BOUNDARY = "----a-boundary"
PDF = {"Content-Type": "application/pdf"}
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
JSON = {"Content-Type": "application/json"}
UPLOAD = ("POST", "/v1/documents")


def part(name: str, content: str, *, filename: str | None = None) -> str:
    file = f'; filename="{filename}"' if filename else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return f"{head}{content}\r\n"


def form(*parts: str) -> dict[str, Any]:
    return {"headers": FORM, "content": "".join(parts) + f"--{BOUNDARY}--\r\n"}


@pytest.fixture(scope="module")
def waybill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waybill]:
    settings = {"WAYBILL_API_TOKEN": TOKEN, "WAYBILL_MAX_UPLOAD_BYTES": str(LIMIT)}
    with running(tmp_path_factory.mktemp("problems"), settings) as started:
        yield started


def ask(waybill: Waybill, method: str, path: str, **request: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {TOKEN}", **request.pop("headers", {})}
    return httpx.request(method, waybill.url + path, headers=headers, **request)


def problem_of(response: httpx.Response) -> str:
    """The detail of a problem, after a look at the rest of it."""
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == response.status_code
    assert told["title"]
    detail: str = told["detail"]
    return detail


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/nope", 404, "There is nothing at '/nope'; /schema/openapi.json lists what there is."),
        ("/schema/nope", 404, "There is nothing at '/schema/nope'; /schema/openapi.json"),
        ("/v1/documents/a%2Fb", 404, "There is nothing at '/v1/documents/a/b'"),
        ("/v1/documents/nope", 404, "document 'nope' is not known; check the id"),
        ("/v1/documents/a%00b/events", 404, "document 'a\\x00b' is not known"),
        ("/v1/documents/nope/text", 404, "document 'nope' is not known"),
        (
            "/v1/documents?limit=0",
            400,
            "The query parameter 'limit' is '0'; it takes a whole number from 1 to 500.",
        ),
        ("/v1/documents?limit=-1", 400, "'limit' is '-1'; it takes a whole number from 1"),
        ("/v1/documents?limit=many", 400, "'limit' is 'many'; it takes a whole number"),
        ("/v1/documents?limit=1&limit=2", 400, "'limit' is there 2 times; give one."),
        (
            "/v1/documents?status=bogus",
            400,
            "'status' is 'bogus'; it takes one of received, queued, processing, retrying, "
            "succeeded, failed, cancelled.",
        ),
        ("/v1/documents?cursor=%00", 400, "'cursor' is '\\x00'; it takes the next of the page"),
        ("/v1/documents?min_position=99", 409, "is min_position=99 from another server?"),
        ("/v1/documents/nope?min_position=99", 409, "The log ends at position"),
        ("/v1/queue?min_position=99", 409, "is min_position=99 from another server?"),
        ("/v1/queue?min_position=-1", 400, "'min_position' is '-1'; it takes a whole number"),
        ("/v1/documents?as_of=yesterday", 400, "'yesterday' is neither a position nor a time;"),
        ("/v1/documents/nope?as_of=2026-11-23T14:02", 400, "an RFC 3339 time with its zone"),
        ("/v1/queue?as_of=2026-11-23T14:02:00+01:00", 400, "in an address a + is written %2B"),
        ("/v1/queue?as_of=9999", 409, "position 9999 is not there (yet, or it is another"),
        ("/v1/documents?as_of=2999-01-01T00:00:00Z", 409, "2999-01-01T00:00:00.000000Z has not"),
        ("/v1/documents/nope?as_of=0", 404, "document 'nope' is not known"),
        ("/v1/documents/nope/events?as_of=99", 404, "document 'nope' is not known"),
        (
            "/v1/documents?state=failed",
            400,
            "There is no query parameter 'state' here; there are: as_of, cursor, limit, "
            "min_position, owner, status.",
        ),
        ("/v1/documents/nope/events?page=1", 400, "'page' here; there are: as_of."),
        ("/v1/documents/nope/text?page=0", 400, "'page' is '0'; it takes a whole number from 1"),
        ("/v1/documents?min_position=9999", 409, "is min_position=9999 from another server?"),
        ("/v1/documents?min_position=1e99", 400, "'min_position' is '1e99'; it takes a whole"),
        ("/v1/queue?minutes=1441", 400, "'minutes' is '1441'; it takes a whole number from 1 to"),
        ("/v1/feed/poll", 400, "Choose one of doc=ID, user=OWNER and all=true."),
        ("/v1/feed/poll?all=true&wait=", 400, "Wait is 0 to 30 seconds, not ''."),
        ("/v1/feed/all?token=secret", 400, "send it as 'Authorization: Bearer TOKEN'"),
    ],
)
def test_a_question_that_cannot_be_answered_is_told_why(
    waybill: Waybill, path: str, status: int, detail: str
) -> None:
    response = ask(waybill, "GET", path)

    assert response.status_code == status
    assert detail in problem_of(response)


@pytest.mark.parametrize(
    ("request_", "status", "detail"),
    [
        ({}, 400, "The request has no body. Send the file itself"),
        ({"headers": JSON, "content": "{"}, 400, 'It is JSON such as {"path":'),
        ({"json": {"path": 3}}, 400, "Expected `str`, got `int` - at `$.path`"),
        ({"json": {"path": "a", "url": "b"}}, 400, "unknown field `url`"),
        ({"json": {"path": "a", "id": "a/b"}}, 400, "an id of 1 to 64 letters, digits"),
        ({"json": {"path": "../etc/passwd"}}, 422, "'../etc/passwd' is no object name: use"),
        ({"json": {"path": "not/here.pdf"}}, 422, "no object 'not/here.pdf' in storage"),
        ({"json": {"path": "a"}, "params": {"processor": "ocr"}}, 422, "there is no processor"),
        ({"data": {"file": "a"}}, 415, "(curl: -F file=@file.pdf)"),
        (form(part("owner", "ada")), 400, "The form has no file; add one, such as file=..."),
        (form(part("user", "ada")), 400, "'user' is not known; there are owner, name, processor."),
        (form(part("file", "a", filename="a"), part("file", "b", filename="b")), 400, "two files"),
        (
            form(part("file", "a", filename="a"), part("owner", "a\tb")),
            422,
            "the owner must have 1 to 128 characters",
        ),
        ({"headers": {"Content-Type": "multipart/form-data"}, "content": "a"}, 400, "no boundary"),
        ({"headers": FORM, "content": part("owner", "ada")}, 400, "did not arrive whole"),
        ({"headers": PDF, "content": b"a", "params": {"owner": ""}}, 400, "it takes 1 to 128"),
        (
            {"headers": {**PDF, "Idempotency-Key": "a b"}, "content": b"a"},
            400,
            "The header 'Idempotency-Key' is 'a b'; it takes 1 to 255 visible ASCII characters",
        ),
        ({"headers": PDF, "content": b"a" * (LIMIT + 1)}, 413, f"more than {LIMIT} bytes"),
    ],
)
def test_an_upload_that_is_not_accepted_is_told_why(
    waybill: Waybill, request_: dict[str, Any], status: int, detail: str
) -> None:
    response = ask(waybill, *UPLOAD, **dict(request_))

    assert response.status_code == status
    assert detail in problem_of(response)


def test_another_document_under_the_same_key_is_refused(waybill: Waybill) -> None:
    keyed = {**PDF, "Idempotency-Key": "only-one"}
    ask(waybill, *UPLOAD, headers=keyed, content=b"first", params={"processor": "none"})

    response = ask(waybill, *UPLOAD, headers=keyed, content=b"other", params={"processor": "none"})

    assert response.status_code == 409
    assert "use a new idempotency key" in problem_of(response)


@pytest.mark.parametrize("verb", ["retry", "cancel"])
@pytest.mark.parametrize(
    ("content", "status", "detail"),
    [
        (b"", 404, "document 'nope' is not known; check the id"),
        (b"{", 400, "Send nothing, or JSON such as"),
        (b'{"because": 1}', 400, "unknown field `because`"),
        (b'{"reason": "' + b"a" * 501 + b'"}', 400, "length <= 500 - at `$.reason`"),
        (b" " * 17_000, 413, "more than 16384 bytes"),
    ],
)
def test_a_change_that_is_not_accepted_is_told_why(
    waybill: Waybill, verb: str, content: bytes, status: int, detail: str
) -> None:
    response = ask(waybill, "POST", f"/v1/documents/nope/{verb}", content=content, headers=JSON)

    assert response.status_code == status
    assert detail in problem_of(response)


def test_a_method_that_a_route_does_not_have_is_told_which_it_has(waybill: Waybill) -> None:
    response = ask(waybill, "PUT", "/v1/documents/nope")

    allowed = response.headers["allow"]
    assert response.status_code == 405
    assert "GET" in allowed
    assert f"PUT is not possible on '/v1/documents/nope'; it takes {allowed}." == problem_of(
        response
    )


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic YTpi", "Bearer \xe9"])
def test_whoever_has_no_token_is_told_how_to_send_it(waybill: Waybill, authorization: str) -> None:
    response = ask(
        waybill, "GET", "/v1/documents", headers={"Authorization": authorization.encode("latin-1")}
    )

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "send it as 'Authorization: Bearer TOKEN'" in problem_of(response)
