"""The served description is true: whatever it allows is answered as it says, and nothing else.

Schemathesis makes requests from the description, right and wrong ones, always the same; the server
is the started product, with a token. Streams do not end, so the feed's are asked by hand.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.golden.openapi import GOLDEN
from tests.journey.product import Waybill, running

TOKEN = "a-token-for-the-tests"
SIGNED_IN = {"Authorization": f"Bearer {TOKEN}"}
PARTICULAR = {"POST /v1/documents", "GET /v1/feed/poll"}
"""What is well formed is not always right: an object may be missing, a selection ambiguous."""
STREAMS = r"^/v1/feed(/documents/.*|/users/.*|/all)?$"


@pytest.fixture(scope="module")
def waybill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waybill]:
    with running(tmp_path_factory.mktemp("described"), {"WAYBILL_API_TOKEN": TOKEN}) as started:
        yield started


@pytest.fixture
def http(waybill: Waybill) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=waybill.url, headers=SIGNED_IN) as client:
        yield client


schemathesis.serializer.alias("application/pdf", "application/octet-stream")
described = schemathesis.openapi.from_path(GOLDEN).exclude(path_regex=STREAMS)


@described.parametrize()
@settings(
    max_examples=40,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_description_promises(
    case: schemathesis.Case[Any], waybill: Waybill
) -> None:
    case.call_and_validate(
        base_url=waybill.url,
        headers=SIGNED_IN,
        excluded_checks=[positive_data_acceptance] if case.operation.label in PARTICULAR else [],
    )


def test_the_description_that_is_served_is_the_golden_one(http: httpx.Client) -> None:
    served = http.get("/schema/openapi.json").json()
    golden = json.loads(GOLDEN.read_text())

    assert served["paths"] == golden["paths"]
    assert served["components"] == golden["components"]


def test_every_described_route_but_health_wants_the_token(waybill: Waybill) -> None:
    paths = json.loads(GOLDEN.read_text())["paths"]
    routes = [(verb, path) for path, verbs in paths.items() for verb in verbs]

    open_to_all = [
        path
        for verb, path in routes
        if httpx.request(verb, waybill.url + path.replace("{", "").replace("}", "")).status_code
        != 401
    ]

    assert open_to_all == ["/health"]


@pytest.mark.parametrize("path", ["?doc=a", "/documents/a", "/users/a", "/all"])
def test_a_stream_is_described_as_it_is(http: httpx.Client, path: str) -> None:
    with http.stream("GET", f"/v1/feed{path}") as response:
        first = next(response.iter_lines())

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert first == "event: hello"


def test_a_stream_for_somebody_who_wants_json_is_refused(http: httpx.Client) -> None:
    response = http.get("/v1/feed/all", headers={"Accept": "application/json"})

    assert response.status_code == 406
    assert "/v1/feed/poll" in response.json()["detail"]


def test_a_document_is_taken_in_each_described_form(http: httpx.Client) -> None:
    query = {"processor": "none"}
    raw = http.post(
        "/v1/documents",
        params=query,
        content=b"raw",
        headers={"Content-Type": "application/pdf", "Idempotency-Key": "one"},
    )
    repeated = http.post(
        "/v1/documents",
        params=query,
        content=b"raw",
        headers={"Content-Type": "application/pdf", "Idempotency-Key": "one"},
    )
    form = http.post(
        "/v1/documents",
        data={"owner": "ada", "processor": "none"},
        files={"file": ("letter.pdf", b"in a form", "application/pdf")},
    )
    stored = f"documents/{raw.json()['document']['id']}"

    taken = [raw, repeated, form]

    assert [response.status_code for response in taken] == [202, 202, 202], stored
    assert raw.headers["location"] == repeated.headers["location"]
    assert form.json()["document"]["owner"] == "ada"
    assert form.json()["document"]["name"] == "letter.pdf"


def test_a_reference_takes_what_it_does_not_say_from_the_address(
    http: httpx.Client, waybill: Waybill
) -> None:
    incoming = waybill.data / "objects" / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    (incoming / "report.pdf").write_bytes(b"put here by a front end")

    response = http.post(
        "/v1/documents",
        params={"owner": "ada", "processor": "none"},
        json={"path": "incoming/report.pdf", "id": "report-7"},
    )

    document = response.json()["document"]
    assert response.status_code == 202
    assert (document["id"], document["owner"]) == ("report-7", "ada")
    assert (document["name"], document["processor"]) == ("report.pdf", "none")
