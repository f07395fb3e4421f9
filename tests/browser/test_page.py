"""The page, as somebody with a browser meets it."""

import json
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from service.samples import damaged, one_page, text_document
from tests.browser.conftest import Upload
from tests.journey.product import Waybill, running

FAILS_ONCE = json.dumps({"failing_runs": [1]}).encode()


def row(name: str) -> str:
    return f'.row:has(b:text-is("{name}"))'


def drag(page: Page, kind: str, *files: Path) -> None:
    """As the browser hears it from the desktop: files are held over the page, or let go."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    session.send("Input.dispatchDragEvent", {"type": kind, "x": 200, "y": 200, "data": data})
    session.detach()


def test_a_dropped_file_appears_and_its_badge_moves_until_it_is_done(
    page: Page, fresh: Waybill, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(text_document(3))
    page.goto(fresh.url)
    expect(page.locator("#empty")).to_contain_text("Nothing here yet")

    drag(page, "dragEnter", letter)
    expect(page.locator("#overlay")).to_be_visible()
    drag(page, "dragOver", letter)
    drag(page, "drop", letter)
    expect(page.locator("#overlay")).to_be_hidden()

    expect(page.locator(f"{row('letter.pdf')} .status-badge")).to_have_attribute(
        "data-state", "succeeded"
    )
    expect(page.locator(f"{row('letter.pdf')} .pages")).to_have_text("3 pages")
    expect(page.locator(f"{row('letter.pdf')} .delivery")).to_have_attribute(
        "data-delivery", "delivered"
    )
    expect(page.locator("#empty")).to_be_hidden()
    expect(page.locator("#link")).to_have_text("Live")
    page.goto("about:blank")


def test_progress_is_shown_while_it_happens(
    page: Page, waybill: Waybill, upload: Upload, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    page.goto(waybill.url)

    upload(json.dumps({"pages": 50, "gate": str(gate)}).encode(), name="long", processor="scripted")
    badge = page.locator(f"{row('long')} .status-badge")
    expect(badge).to_have_text(re.compile(r"Processing \d+/50"))
    gate.touch()

    expect(badge).to_have_text("Done")


def test_a_failed_document_says_why_and_can_be_retried(
    page: Page, waybill: Waybill, upload: Upload
) -> None:
    upload(damaged(), name="damaged.pdf")
    page.goto(waybill.url)

    page.click(row("damaged.pdf"))
    expect(page.locator(".trouble")).to_contain_text("damaged")
    page.click("[data-act=retry]")

    expect(page.locator(".facts")).to_contain_text("run 2")
    expect(page.locator(".history")).to_contain_text("requeued")


def test_cancelling_asks_once_more(
    page: Page, waybill: Waybill, upload: Upload, tmp_path: Path
) -> None:
    script = json.dumps({"gate": str(tmp_path / "never")}).encode()
    upload(script, name="endless", processor="scripted")
    page.goto(waybill.url)
    page.click(row("endless"))

    page.click("[data-act=cancel]")
    expect(page.locator("[data-act=cancel]")).to_contain_text("Really cancel?")
    page.click("[data-act=cancel]")

    expect(page.locator(".drawer .status-badge")).to_have_text("Cancelled")


def test_the_drawer_tells_the_history_and_shows_the_text(
    page: Page, waybill: Waybill, upload: Upload
) -> None:
    upload(text_document(2), name="contract.pdf")
    page.goto(waybill.url)
    expect(page.locator(f"{row('contract.pdf')} .status-badge")).to_have_text("Done")

    page.click(row("contract.pdf"))
    expect(page.locator(".history li").first).to_contain_text("processing_succeeded")
    expect(page.locator(".history li").last).to_contain_text("document_registered")
    page.click("[data-tab=text]")
    expect(page.locator(".paper")).to_contain_text("Page 1 of 2")
    page.click("[aria-label='Next page']")

    expect(page.locator(".paper")).to_contain_text("Page 2 of 2")


def test_every_kind_of_emptiness_has_words_of_its_own(
    page: Page, fresh: Waybill, upload: Upload
) -> None:
    page.goto(fresh.url)
    empty = page.locator("#empty")
    expect(empty).to_contain_text("Nothing here yet")

    upload(one_page(), at=fresh)
    expect(page.locator(".row .status-badge")).to_have_text("Done")
    page.fill("#search", "no such thing")
    expect(empty).to_contain_text("No document matches")
    page.click("#empty button")
    page.click("[data-filter=retrying]")
    expect(empty).to_contain_text("None in this state")
    page.click("[data-filter=failed]")
    expect(empty).to_contain_text("Nothing has failed")
    page.click("#empty button")

    expect(page.locator(".row")).to_be_visible()
    page.goto("about:blank")


def test_a_file_name_is_only_ever_text(page: Page, waybill: Waybill, upload: Upload) -> None:
    name = "<img src=x onerror=document.title='owned'>.pdf"
    upload(one_page(), name=name)
    page.goto(waybill.url)

    page.get_by_text(name, exact=True).click()
    expect(page.locator(".drawer h2")).to_have_text(name)

    assert page.title() == "Waybill"


def test_the_keyboard_reaches_everything(page: Page, waybill: Waybill, upload: Upload) -> None:
    upload(one_page(), name="older.pdf")
    upload(one_page(), name="newer.pdf")
    page.goto(waybill.url)
    expect(page.locator(row("newer.pdf"))).to_be_visible()

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".drawer h2")).to_have_text("older.pdf")
    page.keyboard.press("k")
    expect(page.locator(".drawer h2")).to_have_text("newer.pdf")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("older.pdf")
    expect(page.locator(".row:visible")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("?")

    expect(page.locator("#help")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_on_a_narrow_screen(
    browser: Browser, waybill: Waybill, upload: Upload, scheme: str
) -> None:
    upload(one_page(), name="a name that is much longer than any narrow screen is wide.pdf")
    context = browser.new_context(
        viewport={"width": 360, "height": 740},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(waybill.url)
    expect(page.locator(".row").first).to_be_visible()

    widths = [page.evaluate("document.documentElement.scrollWidth")]
    page.locator(".row").first.click()
    expect(page.locator(".history")).to_be_visible()
    widths.append(page.evaluate("document.querySelector('#drawer').scrollWidth"))

    assert max(widths) <= 360
    context.close()


def test_the_page_is_right_again_after_the_server_was_killed(
    page: Page, fresh: Waybill, upload: Upload, complaints: list[str], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    upload(
        json.dumps({"gate": str(gate)}).encode(), name="interrupted", processor="scripted", at=fresh
    )
    page.goto(fresh.url)
    badge = page.locator(f"{row('interrupted')} .status-badge")
    expect(badge).to_contain_text("Processing")

    fresh.kill()
    expect(page.locator("#link")).to_contain_text("Offline")
    expect(badge).to_have_attribute("data-stale", "")
    gate.touch()
    fresh.start()

    expect(badge).to_have_text("Done", timeout=40_000)
    expect(page.locator("#link")).to_have_text("Live")
    # The browser's own words for a server that is away.
    assert all("ERR_" in said for said in complaints)
    page.goto("about:blank")
    complaints.clear()


def test_a_server_with_a_token_asks_for_it_once(
    page: Page, complaints: list[str], tmp_path: Path
) -> None:
    with running(tmp_path / "closed", {"WAYBILL_API_TOKEN": "open-sesame"}) as closed:
        page.goto(closed.url)
        page.fill("#token", "open-sesame")
        page.keyboard.press("Enter")

        expect(page.locator("#empty")).to_contain_text("Nothing here yet")
        expect(page.locator("#link")).to_have_text("Live")
        page.reload()
        expect(page.locator("#link")).to_have_text("Live")
        page.goto("about:blank")

    assert all("401" in said for said in complaints)
    complaints.clear()


def test_a_table_that_cannot_go_on_is_told_of(
    page: Page, tmp_path: Path, complaints: list[str]
) -> None:
    settings = {"WAYBILL_PROJECTIONS": "tests.poisoned:Stops", "WAYBILL_PROCESSOR": "none"}
    with running(tmp_path / "served", settings) as waybill:
        page.goto(waybill.url)
        expect(page.locator("#link")).to_have_text("Live")
        expect(page.locator("#troubles")).to_be_hidden()
        letter = tmp_path / "letter.pdf"
        letter.write_bytes(text_document(1))
        page.set_input_files("#files", letter)

        notice = page.locator("#troubles .notice")
        expect(notice).to_contain_text("The projection stops stands still since")
        expect(notice).to_contain_text("this projection has a bug")
        page.goto("about:blank")


def test_an_erased_document_says_so_and_cannot_run_again(
    page: Page, waybill: Waybill, upload: Upload
) -> None:
    document_id = upload(text_document(2), name="soon gone.pdf")
    page.goto(waybill.url)
    shown = page.locator(f".row[data-id='{document_id}']")
    expect(shown).to_contain_text("Done")
    shown.click()
    httpx.post(f"{waybill.url}/v1/documents/{document_id}/retry", json={})
    expect(page.locator(".facts")).to_contain_text("run 2")
    expect(shown).to_contain_text("Done")
    expect(page.locator("#announcer")).to_have_text("soon gone.pdf: Done")

    answer = httpx.request("DELETE", f"{waybill.url}/v1/documents/{document_id}")

    assert answer.status_code == 202
    expect(shown.locator(".name b")).to_have_text("Erased")
    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text("Only its history is left")
    expect(drawer.locator("[data-act=retry]")).to_be_disabled()
    drawer.locator("[data-tab=text]").click()
    expect(drawer).to_contain_text("Its text was erased.")
    expect(page.locator("#announcer")).to_have_text("A document: Erased")
    expect(page.locator("body")).not_to_contain_text("soon gone")
