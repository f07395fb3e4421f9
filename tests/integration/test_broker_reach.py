"""A broker sends nothing to where it may not: at publish, and after a name is resolved."""

import socket
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from service.broker.client import Client
from service.broker.outcome import Answer, NoAnswer
from service.broker.reach import INTERNET, Reach, reach_of
from service.embedded import Exposure, prepare_exposed
from service.settings import SettingsError
from tests.brokers import Receiver, api_client, broker_over, migrated, served

pytestmark = pytest.mark.anyio


class Names(AbstractResolver):
    """A name server of the test's own, which counts how often it is asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.addresses
        ]

    async def close(self) -> None:
        """Holds nothing."""


async def attempt(names: Names, reach: Reach, url: str) -> Answer | NoAnswer:
    async with Client(connections=2, largest_answer=99, reach=reach, resolver=names) as client:
        return await client.send(method="POST", url=url, headers=(), body=b"", seconds=5)


async def test_a_name_that_leads_inside_is_an_outcome_with_its_reason() -> None:
    answer = await attempt(Names("10.0.0.7"), INTERNET, "http://innocent.example/")

    assert answer == NoAnswer(
        reason="not sent: endpoint resolves to a private address that is not allowed: 10.0.0.7"
    )


async def test_a_literal_address_is_judged_too() -> None:
    answer = await attempt(Names(), INTERNET, "http://127.0.0.1:9/")

    assert isinstance(answer, NoAnswer)
    assert answer.reason.startswith("not sent: endpoint resolves to a loopback address")


async def test_the_connection_is_made_to_the_address_that_was_judged() -> None:
    names = Names("169.254.169.254", "127.0.0.1")
    receiver = Receiver()
    async with served(receiver) as url:
        port = url.rpartition(":")[2]
        allowed = reach_of(["127.0.0.0/8"], exposed=True)
        answer = await attempt(names, allowed, f"http://hooks.example:{port}/")

    assert isinstance(answer, Answer)
    assert receiver.heard[0].headers["host"] == f"hooks.example:{port}"
    assert names.asked == 1


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("publish/http://169.254.169.254/latest", None, {}),
        ("enqueue/q/http://127.0.0.1/", None, {}),
        ("publish/https://example.com/", None, {"Upstash-Callback": "http://[::1]/"}),
        ("publish/https://example.com/", None, {"Upstash-Failure-Callback": "http://10.0.0.1/"}),
        ("schedules/http://10.0.0.1/", None, {"Upstash-Cron": "* * * * *"}),
        ("topics/g/endpoints", {"endpoints": [{"url": "http://192.168.0.1/"}]}, {}),
    ],
)
async def test_a_literal_address_is_refused_when_it_is_given(
    tmp_path: Path, path: str, body: object, headers: dict[str, str]
) -> None:
    app = broker_over(migrated(tmp_path), reach=INTERNET)
    async with app.lifespan(), api_client(app) as http:
        answer = await http.post(f"/v2/{path}", json=body, headers=headers)

    assert answer.status_code == 400
    assert "address that is not allowed" in answer.json()["error"]


def test_credentials_that_everybody_knows_are_for_loopback_only(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--dev-credentials"):
        prepare_exposed(tmp_path, Exposure(host="10.0.0.1", dev_credentials=True))

    known, _ = prepare_exposed(tmp_path, Exposure(dev_credentials=True))
    (tmp_path / "broker.token").write_text(known.token)

    with pytest.raises(SettingsError, match="published"):
        prepare_exposed(tmp_path, Exposure(host="0.0.0.0"))


def test_an_exposed_broker_has_a_secret_of_its_own(tmp_path: Path) -> None:
    credentials, reach = prepare_exposed(tmp_path, Exposure(host="10.0.0.1"))

    assert len(credentials.token) >= 40
    assert reach == INTERNET
