"""Any past moment over HTTP is what a fresh replay of the log up to there tells."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from events.store import Recorded
from projections.documents import Documents, Tracked
from projections.views import instant, view
from service import samples
from service.reading import open_log
from service.settings import Settings, load_settings
from tests.data_folders import all_recorded
from tests.integration.commands_support import served, waybill
from tests.postgres import database_of


class World:
    """A server whose documents have all ended, and its log."""

    def __init__(self, url: str, settings: dict[str, str], log: list[Recorded]) -> None:
        self.url = url
        self.settings = settings
        self.log = log

    def ask(self, path: str, **query: str | int) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", params=query, timeout=30)

    def then(self, position: int) -> dict[str, Tracked]:
        """A fresh replay up to this position."""
        states: dict[str, Tracked] = {}
        for event in self.log[:position]:
            key = event.fact.document_id
            states[key] = Documents().fold(states.get(key), event)
        return states


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("as-of")
    documents = folder / "documents"
    documents.mkdir()
    (documents / "good.pdf").write_bytes(samples.one_page())
    (documents / "bad.pdf").write_bytes(samples.damaged())
    place = {"WAYBILL_DATA": str(folder / "data")}
    if request.param == "postgresql":
        place["WAYBILL_DATABASE_URL"] = database_of(folder)
    settings = {"WAYBILL_WORKERS": "1", "WAYBILL_RETRY_DELAYS": "0", **place}
    with served(folder / "data", more=settings) as url:
        waybill("upload", str(documents), "--watch", url=url)
        waybill("upload", str(documents), "--again", "--watch", "--owner", "ada", url=url)
        yield World(url, place, asyncio.run(recorded(load_settings(environment=place))))


async def recorded(settings: Settings) -> list[Recorded]:
    async with open_log(settings) as store:
        return await all_recorded(store)


def json_of(states: dict[str, Tracked]) -> list[Any]:
    newest_first = sorted(states.values(), key=lambda one: one.first_position, reverse=True)
    return [msgspec.to_builtins(view(one)) for one in newest_first]


def test_documents_and_histories_are_those_of_then_at_every_position(world: World) -> None:
    assert len(world.log) > 20
    for position in range(len(world.log) + 1):
        states = world.then(position)

        listed = world.ask("/v1/documents", as_of=position).json()

        assert listed["documents"] == json_of(states)
        assert listed["position"] == position
        for key, state in states.items():
            looked_at = world.ask(f"/v1/documents/{key}", as_of=position)
            told = world.ask(f"/v1/documents/{key}/events", as_of=position).json()["events"]
            assert looked_at.json() == msgspec.to_builtins(view(state))
            assert [each["position"] for each in told] == [
                event.position
                for event in world.log[:position]
                if event.stream == f"document-{key}"
            ]


def test_a_list_of_then_is_filtered_and_paged_as_it_was(world: World) -> None:
    for position in range(0, len(world.log) + 1, 5):
        for query in ({"status": "processing"}, {"owner": "ada"}, {"status": "failed"}):
            wanted = [
                each
                for each in json_of(world.then(position))
                if all(each[name] == value for name, value in query.items())
            ]

            found: list[Any] = []
            cursor: dict[str, str] = {}
            while True:
                page = world.ask("/v1/documents", as_of=position, limit=1, **query, **cursor).json()
                found += page["documents"]
                assert page["documents"] or not cursor, "no page leads to an empty one"
                if page["next"] is None:
                    break
                cursor = {"cursor": page["next"]}

            assert found == wanted


def test_the_queue_of_then_is_that_of_a_replay(world: World) -> None:
    for position in (0, len(world.log) // 3, 2 * len(world.log) // 3, len(world.log)):
        asked = world.ask("/v1/queue", as_of=position).json()

        done = waybill("replay", "--as-of", str(position), "--json", more=world.settings)
        replayed = done.objects[-1]["queue"]

        assert asked == replayed


def test_a_time_is_every_event_recorded_up_to_it(world: World) -> None:
    for event in world.log[::7]:
        upto = sum(each.recorded_at <= event.recorded_at for each in world.log)
        zoned = datetime.fromtimestamp(event.recorded_at / 1e6, UTC).astimezone()

        for text in (instant(event.recorded_at), zoned.isoformat(timespec="microseconds")):
            listed = world.ask("/v1/documents", as_of=text).json()
            assert (listed["position"], listed["documents"]) == (upto, json_of(world.then(upto)))

        before = world.ask("/v1/documents", as_of=instant(event.recorded_at - 1)).json()
        assert before["position"] == sum(e.recorded_at < event.recorded_at for e in world.log)


def test_a_document_was_not_there_before_its_first_event(world: World) -> None:
    first = world.log[0]
    key = first.fact.document_id

    for path in (f"/v1/documents/{key}", f"/v1/documents/{key}/events"):
        answer = world.ask(path, as_of=0)
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"Document {key} was not there yet at position 0."


def test_the_command_line_tells_a_history_of_then(world: World) -> None:
    event = world.log[6]
    key = event.fact.document_id
    known = [each for each in world.log[:6] if each.stream == event.stream]

    told = waybill("history", key, "--as-of", str(6), "--json", url=world.url)
    late = waybill("history", key, "--as-of", "2999-01-01T00:00:00Z", url=world.url)

    assert [each["position"] for each in told.objects] == [each.position for each in known]
    assert (late.code, late.out) == (1, "")
    assert "has not come yet" in late.err
