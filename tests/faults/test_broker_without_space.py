"""The embedded broker on a disk that is full for a while: what it accepted is there (F9)."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.disks import Disk, small_disk
from tests.faults.sizes import size
from tests.journey.processes import Broker
from tests.journey.product import broker_of_its_own

OUTAGES = size(ci=1, nightly=5)
NOWHERE = "http://127.0.0.1:9/later"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", mebibytes=8) as disk:
        yield disk


@pytest.fixture
def broker(disk: Disk) -> Iterator[Broker]:
    with broker_of_its_own(disk.folder) as broker:
        yield broker


def publish(client: httpx.Client) -> httpx.Response:
    return client.post(
        f"/v2/publish/{NOWHERE}", content=b"x" * 10_000, headers={"Upstash-Delay": "1h"}
    )


def test_a_broker_without_space_refuses_and_keeps_what_it_accepted(
    disk: Disk, broker: Broker
) -> None:
    accepted: list[str] = []
    headers = {"Authorization": f"Bearer {broker.token}"}
    with httpx.Client(base_url=broker.url, headers=headers, timeout=30) as client:
        for _ in range(OUTAGES):
            disk.fail(broker.pid)
            while (answer := publish(client)).status_code < 300:
                accepted.append(answer.json()["messageId"])
            assert answer.status_code == 503, answer.text
            assert publish(client).status_code == 503
            disk.work(broker.pid)

            again = publish(client)
            assert again.status_code < 300, again.text
            accepted.append(again.json()["messageId"])

        broker.kill()
        broker.start()
        for message_id in accepted:
            assert client.get(f"/v2/messages/{message_id}").status_code == 200
