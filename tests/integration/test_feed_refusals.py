"""What is asked wrongly is refused with an explanation."""

from pathlib import Path

import pytest

from tests.integration.feed_app import feed_world

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "explanation"),
    [
        ("/v1/feed", "Name 1 to 100 documents"),
        ("/v1/feed?doc=a&page=1", "There is no parameter 'page' here"),
        ("/v1/feed/all?mode=all", "Only mode=state is served"),
        ("/v1/feed/all?until=never", "Until can only be 'done'"),
        ("/v1/feed/all?until=done", "Until=done waits for documents that are named"),
        ("/v1/feed/all?token=secret", "A token does not belong into an address"),
        ("/v1/feed/poll", "Choose one of"),
        ("/v1/feed/poll?doc=a&all=true", "Choose one of"),
        ("/v1/feed/poll?doc=a&wait=31", "Wait is 0 to 30 seconds"),
        ("/v1/feed?" + "&".join(f"doc={n}" for n in range(101)), "not 101"),
    ],
)
async def test_what_is_asked_wrongly_is_explained(
    tmp_path: Path, path: str, explanation: str
) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        answer = await client.get(path)

        assert answer.status_code == 400
        assert explanation in answer.json()["detail"]
        assert answer.headers["content-type"] == "application/problem+json"


async def test_one_who_wants_no_events_gets_none(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        answer = await client.get("/v1/feed/all", headers={"Accept": "application/json"})

        assert answer.status_code == 406
