"""Any past moment is answered as the tables would have answered it then."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from projections.lookups import Page
from projections.past import Past
from tests.chaos_log import chaos, stored
from tests.projecting import Projected, projected

pytestmark = pytest.mark.anyio

LOGS = 4
MOMENTS = 8
WORLDS = 9
STATUSES: list[list[str]] = [[], ["processing", "retrying"], ["succeeded"], ["received", "queued"]]


@pytest.mark.parametrize(
    ("log", "kind"), [*((number, "sqlite") for number in range(LOGS)), (0, "postgresql")]
)
async def test_the_past_is_what_the_tables_told_then(tmp_path: Path, log: int, kind: str) -> None:
    lines = chaos(range(log * WORLDS, (log + 1) * WORLDS))
    moments = sorted({0, len(lines), *Random(log).sample(range(len(lines)), MOMENTS)})

    async with projected(tmp_path / "whole", await stored(lines), kind=kind) as whole:
        await whole.caught_up()
        for at in moments:
            now = lines[at - 1][0] if at else 0
            prefix = await stored(lines[:at])
            async with projected(tmp_path / f"{at}", prefix) as frozen:
                assert await frozen.caught_up() == at
                assert await _past(whole, at, now) == await _present(frozen, now)


async def _present(world: Projected, now: int) -> dict[str, Any]:
    """Everything that the tables tell."""
    lists = {}
    for status in STATUSES:
        page = await world.lookups.page(limit=500, before=None, status=status, owner=None)
        lists[str(status)] = page.documents
    return {
        "documents": {
            one.document.id: await world.lookups.document(one.document.id) for one in lists[str([])]
        },
        "lists": lists,
        "queues": [
            await world.lookups.queue(now=now, minutes=minutes) for minutes in (1, 60, 10**6)
        ],
    }


async def _past(world: Projected, at: int, now: int) -> dict[str, Any]:
    """The same, asked about the position ``at``."""
    lists = {str(status): await _pages(world.past, at, status) for status in STATUSES}
    return {
        "documents": {
            one.document.id: await world.past.document(one.document.id, at=at)
            for one in lists[str([])]
        },
        "lists": lists,
        "queues": [
            await world.past.queue(at=at, now=now, minutes=minutes) for minutes in (1, 60, 10**6)
        ],
    }


async def _pages(past: Past, at: int, status: list[str]) -> list[Any]:
    """The whole list, two documents at a time."""
    found: list[Any] = []
    before: int | None = None
    while True:
        page: Page = await past.page(at=at, limit=2, before=before, status=status)
        assert len(page.documents) <= 2
        assert page.documents or before is None, "no page leads to an empty one"
        found += page.documents
        before = page.before
        if before is None:
            return found


async def test_a_document_that_was_not_there_yet_is_not_there(tmp_path: Path) -> None:
    lines = chaos([1, 2])
    async with projected(tmp_path, await stored(lines)) as world:
        await world.caught_up()

        assert await world.past.document("doc_1", at=0) is None
        assert (await world.past.page(at=0, limit=5)).documents == []
