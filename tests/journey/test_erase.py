"""Erasing a document: afterwards no file of ours has a word of what it held, whatever happened."""

import asyncio
import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration import commands_support
from tests.integration.commands_support import Ended
from tests.integration.pdfs import with_text
from tests.journey.misbehaving import under_any_broker
from tests.journey.product import (
    Client,
    Json,
    Waybill,
    checked,
    client_of,
    eventually,
    running,
)

NAME = "Zebrafink-Quartalsbericht-ÄÖ.pdf"
OWNER = "ottoline.quux-ñ"
TEXT = "flamingosnorkel"
WHY = "replaced-by-hieronymus"
PATH = "incoming/wilhelmina-grubendorf.txt"
PERSONAL = (NAME, OWNER, TEXT, WHY)

pytestmark = pytest.mark.anyio


def forms(text: str) -> set[bytes]:
    """The text as it may stand in a file."""
    plain = text.encode()
    found = {plain, text.encode("utf-16-le"), text.encode("utf-16-be"), plain.hex().encode()}
    found |= {json.dumps(text)[1:-1].encode(), quote(text).encode(), repr(plain)[2:-1].encode()}
    for shift in range(3):
        # Base64 of the middle is the same wherever the text stands, at one of three offsets.
        encoded = base64.b64encode(bytes(shift) + plain)
        found.add(encoded[4 : len(encoded) - 4])
        found.add(base64.urlsafe_b64encode(bytes(shift) + plain)[4 : len(encoded) - 4])
    return found


def traces(waybill: Waybill, *texts: str) -> list[str]:
    """Every file that has one of these texts in it, in whatever form."""
    files = [waybill.log, *(path for path in waybill.data.rglob("*") if path.is_file())]
    wanted = [(text, form) for text in texts for form in forms(text)]
    return sorted(
        {f"{path.name}: {text}" for path in files for text, form in wanted if form in _bytes(path)}
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # removed since it was listed
        return b""


async def uploaded(client: Client) -> str:
    """A document that has succeeded and holds all that is personal; its id."""
    document_id = await client.upload(
        with_text(f"({TEXT}) Tj".encode()), name=NAME, owner=OWNER, key="only-once"
    )
    assert (await client.ends(document_id))["status"] == "succeeded"
    assert TEXT in await client.text(document_id)
    return document_id


async def erased(client: Client, document_id: str) -> Json:
    """Wait until its erasure is complete."""
    return await client.becomes(document_id, lambda state: state.get("erasure") == "complete")


async def ask(client: Client, document_id: str) -> None:
    answer = await client.http.request(
        "DELETE", f"/v1/documents/{document_id}", json={"by": "desk", "reason": "request 4711"}
    )
    assert answer.status_code == 202, answer.text


async def command(*arguments: str) -> Ended:
    """`waybill ...`, as a person without a terminal would run it."""
    return await asyncio.to_thread(commands_support.waybill, *arguments)


@under_any_broker
async def test_after_an_erasure_no_file_has_a_word_of_it(
    tmp_path: Path, transport: dict[str, str]
) -> None:
    with running(tmp_path / "waybill", transport) as waybill:
        async with client_of(waybill) as client:
            kept = await client.upload(with_text(b"(kept) Tj"), name="kept.pdf", owner="bob")
            document_id = await uploaded(client)
            await client.http.post(f"/v1/documents/{document_id}/retry", json={"reason": WHY})
            await client.ends(document_id)
            assert any(one.startswith("read.db") for one in traces(waybill, NAME))

            verb = ("erase", document_id, "--url", waybill.url)
            refused = await command(*verb)
            assert refused.code == 2
            assert "--yes" in refused.err
            done = await command(*verb, "--yes", "--by", "desk")

            assert (done.code, done.err) == (0, "")
            assert "Erased" in done.out
            assert traces(waybill, *PERSONAL) == []
            state = await client.document(document_id)
            assert (state["name"], state["owner"], state["erasure"]) == (
                "erased",
                "erased",
                "complete",
            )
            assert (await client.document(await _ended(client, kept)))["name"] == "kept.pdf"
            assert "kept" in await client.text(kept)
            begun = (await client.history(document_id))[0]["position"]
            where = f"/v1/documents/{document_id}"
            past = checked(await client.http.get(where, params={"as_of": begun}))
            assert past["name"] == "erased"
            there = ("--data", str(waybill.data))
            assert (await command("verify", *there)).code == 0
            events = await command("events", "--json", *there)
            assert '"name":"erased"' in events.out
            assert '"name":"kept.pdf"' in events.out

        assert waybill.stop() == 0
        assert traces(waybill, *PERSONAL) == []
        for path in waybill.data.glob("read.db*"):
            path.unlink()
        rebuilt = await command("rebuild", *there, "--url", waybill.url)
        assert rebuilt.code == 0, rebuilt.err
        assert traces(waybill, *PERSONAL) == []
        waybill.start()
        async with client_of(waybill) as client:
            state = await erased(client, document_id)
            history = await client.history(document_id)

        assert (state["name"], state["owner"]) == ("erased", "erased")
        assert history[0]["data"]["name"] == "erased"
        assert {one["data"]["by"] for one in history if one["type"] == "document_erased"} == {
            "desk"
        }
        assert traces(waybill, *PERSONAL) == []


async def _ended(client: Client, document_id: str) -> str:
    await client.ends(document_id)
    return document_id


async def test_an_erased_document_is_gone_for_whoever_asks(tmp_path: Path) -> None:
    with running(tmp_path / "waybill", {}) as waybill:
        async with client_of(waybill) as client:
            document_id = await uploaded(client)
            await ask(client, document_id)

            answers = [
                await client.http.get(f"/v1/documents/{document_id}/text"),
                await client.http.post(f"/v1/documents/{document_id}/retry"),
                await client.http.post(
                    "/v1/documents",
                    params={"owner": OWNER},
                    headers={"Content-Type": "application/pdf", "Idempotency-Key": "only-once"},
                    content=with_text(f"({TEXT}) Tj".encode()),
                ),
            ]

            assert [answer.status_code for answer in answers] == [410, 410, 410]
            assert {answer.json()["title"] for answer in answers} == {"Erased"}
            await ask(client, document_id)  # once more is no mistake
            await erased(client, document_id)
            assert traces(waybill, *PERSONAL) == []


async def test_what_a_reference_names_is_erased_from_the_log_and_stays_in_the_store(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "waybill", {}) as waybill:
        file = waybill.data / "objects" / PATH
        async with client_of(waybill) as client:
            answer = await client.http.post("/v1/documents", json={"path": PATH, "id": "r-1"})
            assert answer.status_code == 422  # it is not there
            await asyncio.to_thread(_write, file, b"no PDF")
            answer = await client.http.post("/v1/documents", json={"path": PATH, "id": "r-1"})
            assert answer.status_code == 202
            await client.ends("r-1")
            await ask(client, "r-1")
            await erased(client, "r-1")

        assert file.exists()
        assert traces(waybill, "wilhelmina-grubendorf") == []


async def test_what_a_processor_says_reaches_nobody_outside(tmp_path: Path) -> None:
    with running(tmp_path / "waybill", {"WAYBILL_ATTEMPTS": "1"}) as waybill:
        async with client_of(waybill) as client:
            document_id = await client.script(complaint=f"{TEXT} cannot be read", owner=OWNER)
            state = await client.ends(document_id)
            assert TEXT in state["error"]
            assert not any(one.startswith("broker.db") for one in traces(waybill, TEXT, OWNER))

            await ask(client, document_id)
            assert (await erased(client, document_id))["error"] is None
            assert traces(waybill, TEXT, OWNER) == []


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


@contextmanager
def an_object_that_cannot_be_deleted(waybill: Waybill, document_id: str) -> Iterator[None]:
    """There is a folder where its file was."""
    objects = waybill.data / "objects" / "documents"
    [file] = objects.iterdir()
    content = file.read_bytes()
    file.unlink()
    (file / "in the way").mkdir(parents=True)
    yield
    (file / "in the way").rmdir()
    file.rmdir()
    file.write_bytes(content)


@contextmanager
def keys_that_somebody_holds(waybill: Waybill, document_id: str) -> Iterator[None]:
    with closing(sqlite3.connect(waybill.data / "keys.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def keys_that_somebody_reads(waybill: Waybill, document_id: str) -> Iterator[None]:
    with closing(sqlite3.connect(waybill.data / "keys.db", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM key_blocks").fetchone()
        yield
        connection.execute("COMMIT")


@contextmanager
def tables_that_somebody_reads(waybill: Waybill, document_id: str) -> Iterator[None]:
    with closing(sqlite3.connect(waybill.data / "read.db", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM documents_v1").fetchone()
        yield
        connection.execute("COMMIT")


@contextmanager
def nothing(waybill: Waybill, document_id: str) -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    "obstacle",
    [
        an_object_that_cannot_be_deleted,
        keys_that_somebody_holds,
        keys_that_somebody_reads,
        tables_that_somebody_reads,
        nothing,
    ],
    ids=lambda obstacle: obstacle.__name__,
)
async def test_an_erasure_that_is_killed_at_any_step_is_completed(
    tmp_path: Path, obstacle: object
) -> None:
    with running(tmp_path / "waybill", {}) as waybill:
        async with client_of(waybill) as client:
            document_id = await uploaded(client)
            with obstacle(waybill, document_id):  # type: ignore[operator] # one of those above
                await ask(client, document_id)
                if obstacle is not nothing:
                    await eventually(lambda: _is_held_up(waybill))
                waybill.kill()
        waybill.start()
        async with client_of(waybill) as client:
            await erased(client, document_id)

        assert traces(waybill, *PERSONAL) == []


def _is_held_up(waybill: Waybill) -> bool:
    held_up = ("erasures failed", "erasures wait", "objects could not be deleted")
    return any(line["event"].startswith(held_up) for line in waybill.said())
