"""The kit on a bare page: what it reads, what it shows, what it never does."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from service.samples import one_page
from tests.browser.conftest import Upload
from tests.journey.product import Waybill

BARE = """<!doctype html><link rel="icon" href="data:,">
<script type="module" src="/static/document-status.js"></script>
<body>{body}</body>"""


def bare_page(page: Page, url: str, body: str = "") -> None:
    """A page of somebody else, at the same address."""
    page.route("**/bare", lambda route: _html(route, BARE.format(body=body)))
    page.goto(f"{url}/bare")


def _html(route: Route, text: str) -> None:
    route.fulfill(body=text, content_type="text/html")


def badge(document_id: str) -> str:
    return (
        f'<processing-badge doc="{document_id}" feed="/v1/feed">'
        "as the server knew it</processing-badge>"
    )


def state(position: int, status: str, **more: Any) -> dict[str, Any]:
    return {"id": "d", "status": status, "position": position, "final": False, **more}


def stream(*events: tuple[str, Any, str | None]) -> str:
    return "".join(
        f"event: {name}\ndata: {json.dumps(data)}\n" + (f"id: {id}\n\n" if id else "\n")
        for name, data, id in events
    )


HELLO = ("hello", {"v": 1, "epoch": "e1", "head": 9, "beat": 15, "max_age": 840}, None)


def scripted(page: Page, *connections: str) -> list[str | None]:
    """The feed says this, one connection after another; gives the cursors it was asked with."""
    cursors: list[str | None] = []

    def answer(route: Route) -> None:
        cursors.append(route.request.headers.get("last-event-id"))
        body = connections[min(len(cursors), len(connections)) - 1]
        route.fulfill(body=body, content_type="text/event-stream")

    page.route("**/v1/feed?*", answer)
    return cursors


def test_a_badge_keeps_what_is_inside_until_something_is_known(
    page: Page, waybill: Waybill, complaints: list[str]
) -> None:
    page.route("**/v1/feed**", lambda route: route.abort())

    bare_page(page, waybill.url, badge("d"))

    expect(page.locator("processing-badge")).to_have_attribute("role", "status")
    expect(page.locator("processing-badge")).to_have_text("as the server knew it")
    page.goto("about:blank")  # or it asks again, and complains again, after the next line
    complaints.clear()


def test_badges_follow_their_documents_over_one_connection(
    page: Page, waybill: Waybill, upload: Upload
) -> None:
    ids = [upload(one_page()) for _ in range(4)]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    bare_page(page, waybill.url, "".join(map(badge, ids)))

    expect(page.locator("processing-badge[data-state=succeeded]")).to_have_count(4)
    assert len([url for url in asked if "/v1/feed" in url]) == 1


def test_a_badge_may_wait_for_a_document_that_is_not_there_yet(
    page: Page, waybill: Waybill
) -> None:
    bare_page(page, waybill.url, badge("doc_to_come"))

    expect(page.locator("processing-badge")).to_have_text("Unknown")


def test_a_change_of_state_is_an_event_and_progress_is_none(page: Page, waybill: Waybill) -> None:
    first = stream(
        HELLO,
        ("snapshot", {"part": 1, "last": True, "docs": [state(1, "queued")]}, "e1-1-000000"),
        ("status", state(2, "processing", pages_done=1, pages_total=9), "e1-2-000000"),
        ("status", state(3, "processing", pages_done=2, pages_total=9), "e1-3-000000"),
        ("status", state(4, "succeeded", final=True), "e1-4-000000"),
    )
    scripted(page, first)
    page.add_init_script(
        "globalThis.seen = [];"
        "addEventListener('state-change', (event) => seen.push(event.detail.status), true);"
    )

    bare_page(page, waybill.url, badge("d"))
    expect(page.locator("processing-badge")).to_have_text("Done")

    assert page.evaluate("seen") == ["queued", "processing", "succeeded"]


def test_an_older_state_changes_nothing(page: Page, waybill: Waybill) -> None:
    scripted(
        page,
        stream(
            HELLO,
            ("snapshot", {"part": 1, "last": True, "docs": [state(7, "failed")]}, "e1-7-000000"),
            ("status", state(5, "processing"), "e1-7-000000"),
            ("beat", {"t": 1}, "e1-8-000000"),
        ),
    )

    bare_page(page, waybill.url, badge("d"))

    expect(page.locator("processing-badge")).to_have_text("Failed")


def test_a_reset_makes_room_for_the_states_of_another_log(page: Page, waybill: Waybill) -> None:
    before = stream(
        HELLO,
        ("snapshot", {"part": 1, "last": True, "docs": [state(7, "failed")]}, "e1-7-000000"),
        ("bye", {"reason": "restart"}, None),
    ).replace("}\n\n", "}\nretry: 20\n\n", 1)
    after = stream(
        ("hello", {**HELLO[1], "epoch": "e2"}, None),
        ("reset", {"reason": "epoch", "have": "e1-7-000000"}, None),
        ("snapshot", {"part": 1, "last": True, "docs": [state(2, "queued")]}, "e2-2-000000"),
    )
    cursors = scripted(page, before, after)

    bare_page(page, waybill.url, badge("d"))

    expect(page.locator("processing-badge")).to_have_text("Queued")
    assert cursors[:2] == [None, "e1-7-000000"]


def test_where_streams_are_held_back_the_badge_is_kept_true_by_polling(
    page: Page, waybill: Waybill, upload: Upload, complaints: list[str], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    document_id = upload(json.dumps({"gate": str(gate)}).encode(), processor="scripted")
    page.route("**/v1/feed?*", lambda route: route.abort())

    bare_page(page, waybill.url, badge(document_id))
    expect(page.locator("processing-badge")).to_contain_text("Processing", timeout=20_000)
    gate.touch()

    expect(page.locator("processing-badge")).to_have_text("Done")
    assert all("ERR_FAILED" in said for said in complaints)
    complaints.clear()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_events_are_the_same_however_the_bytes_are_cut(
    page: Page, waybill: Waybill, size: int
) -> None:
    text = stream(HELLO, ("status", {"name": "é😀\n\n"}, "e1-1-000000"), ("end", {}, "e1-2-000000"))
    bare_page(page, waybill.url)

    names = page.evaluate(
        """async ([text, size]) => {
            const { events } = await import("/static/document-status.js");
            const bytes = new TextEncoder().encode(text + "event: status\\ndata: {}\\nid: cut");
            const stream = new ReadableStream({ start(control) {
                for (let at = 0; at < bytes.length; at += size)
                    control.enqueue(bytes.slice(at, at + size));
                control.close();
            } });
            const heard = [];
            for await (const { event, data, id } of events(stream))
                heard.push([event, data.name, id]);
            return heard;
        }""",
        [text, size],
    )

    assert names == [
        ["hello", None, None],
        ["status", "é😀\n\n", "e1-1-000000"],
        ["end", None, "e1-2-000000"],
    ]


def test_all_tabs_share_one_stream_and_another_takes_over_when_its_tab_closes(
    page: Page, waybill: Waybill, upload: Upload, tmp_path: Path
) -> None:
    gates = [tmp_path / "one", tmp_path / "two"]
    ids = [upload(json.dumps({"gate": str(gate)}).encode(), processor="scripted") for gate in gates]
    streams: list[Request] = []

    def opened(request: Request) -> None:
        if "/v1/feed" in request.url:
            streams.append(request)

    context = page.context
    context.on("request", opened)
    tabs = [page, *(context.new_page() for _ in range(4))]
    for number, tab in enumerate(tabs):
        bare_page(tab, waybill.url, badge(ids[number % 2]))
        expect(tab.locator("processing-badge")).to_contain_text("Processing")

    gates[0].touch()
    for tab in tabs[::2]:
        expect(tab.locator("processing-badge")).to_have_text("Done")
    # One for the first tab, and one more because the second wanted another document.
    connections = len(streams)
    leader = tabs.index(streams[-1].frame.page)
    tabs.pop(leader).close()
    gates[1].touch()
    for tab in tabs:
        expect(tab.locator("processing-badge")).to_have_text("Done")

    assert connections == 2
    assert len(streams) == 3


def test_tabs_of_different_people_share_nothing(page: Page, waybill: Waybill) -> None:
    bare_page(page, waybill.url)

    heard = page.evaluate(
        """async () => {
            const { Feed } = await import("/static/document-status.js");
            const feeds = ["ann", "bob"].map((subject) => new Feed("/v1/feed", { subject }));
            const told = feeds.map((feed) => new Promise((resolve) => feed.watch("x", resolve)));
            await Promise.all(told);
            return feeds.map((feed) => feed.link);
        }"""
    )

    assert heard == ["live", "live"]
