"""The files of the broker's page: anybody may have them, and nothing can be slipped into them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.brokers import TOKEN, Network, api_client, broker_over, migrated
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

IMPORT = re.compile(r'^import .* from "\./([\w-]+\.js)";$', re.MULTILINE)
REFERENCE = re.compile(r'(?:src|href)="/static/([^"]+)"')
ELSEWHERE = re.compile(r"""(?:src|href|from|import|url)\W{1,3}(?:https?:)?//""")


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = broker_over(migrated(tmp_path), sender=Network(FakeClock()))
    async with app.lifespan(), api_client(app) as client:
        del client.headers["Authorization"]
        yield client


async def files(http: httpx.AsyncClient) -> dict[str, httpx.Response]:
    """The page and everything that it refers to, one from the other."""
    found = {"/": await http.get("/")}
    wanted = set(REFERENCE.findall(found["/"].text))
    while wanted:
        name = wanted.pop()
        found[name] = await http.get(f"/static/{name}")
        wanted |= set(IMPORT.findall(found[name].text)) - found.keys()
    return found


async def test_the_page_and_all_of_its_parts_are_there_without_a_token(
    http: httpx.AsyncClient,
) -> None:
    found = await files(http)

    assert {one.status_code for one in found.values()} == {200}
    kinds = {name.rpartition(".")[2]: one.headers["content-type"] for name, one in found.items()}
    assert kinds["/"].startswith("text/html")
    assert kinds["js"].startswith("text/javascript")
    assert kinds["css"].startswith("text/css")
    assert len(found) >= 14


async def test_nothing_may_run_or_load_that_is_not_one_of_them(http: httpx.AsyncClient) -> None:
    found = await files(http)

    for answer in found.values():
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers
        assert ELSEWHERE.search(answer.text) is None
    assert re.search(r"<script(?![^>]* src=)| on\w+=| style=", found["/"].text) is None
    code = "".join(one.text for name, one in found.items() if name.endswith(".js"))
    assert re.search(r"innerHTML|outerHTML|document\.write|eval\(|localStorage", code) is None


async def test_what_the_browser_has_is_not_sent_again(http: httpx.AsyncClient) -> None:
    first = await http.get("/static/page.js")

    again = await http.get("/static/page.js", headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["/static/index.html", "/static/page.py", "/static/..%2Fpage.py", "/static/%2e%2e", "/x"],
)
async def test_there_is_nothing_else(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 404


async def test_the_files_name_no_secret_of_this_broker(http: httpx.AsyncClient) -> None:
    assert all(TOKEN not in one.text for one in (await files(http)).values())
