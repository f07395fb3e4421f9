"""The page and the kit as they are served."""

import gzip
from pathlib import Path

import pytest

from service.web.dashboard import ASSETS
from tests.integration.feed_app import feed_world

pytestmark = pytest.mark.anyio

KIT_BYTES = 6 * 1024


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/static/page.css", "text/css; charset=utf-8"),
        ("/static/page.js", "text/javascript; charset=utf-8"),
        ("/static/favicon.svg", "image/svg+xml"),
    ],
)
async def test_every_part_has_its_type_and_a_strict_policy(
    tmp_path: Path, path: str, content_type: str
) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        answer = await client.get(path)

        assert answer.status_code == 200
        assert answer.headers["content-type"] == content_type
        assert answer.headers["content-security-policy"].startswith("default-src 'self';")
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_has_not_changed_is_not_sent_again(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        first = await client.get("/static/page.js")

        again = await client.get(
            "/static/page.js", headers={"If-None-Match": first.headers["ETag"]}
        )

        assert again.status_code == 304
        assert again.content == b""


@pytest.mark.parametrize(
    "path", ["/static/nothing.js", "/static/../feed.py", "/static/..%2Ffeed.py", "/static/%2e%2e"]
)
async def test_nothing_else_can_be_had(tmp_path: Path, path: str) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        assert (await client.get(path)).status_code == 404


async def test_the_kit_may_be_used_by_any_page(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        answer = await client.get("/static/document-status.js")

        assert answer.headers["access-control-allow-origin"] == "*"


def test_the_kit_is_small() -> None:
    assert len(gzip.compress(ASSETS["document-status.js"].content, 9)) < KIT_BYTES


def test_nothing_comes_from_elsewhere() -> None:
    for name, asset in ASSETS.items():
        text = asset.content.decode().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, name
