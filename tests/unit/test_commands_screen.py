"""The table: what fits a terminal, and nothing that a document's name could command."""

import pytest
from rich.console import Console

from service.commands.board import Board
from service.commands.document import Document
from service.commands.screen import MOST_REASONS, columns_for, failures, table

DOCUMENTS = (
    Document(id="a", status="processing", name="[bold]report.pdf", pages_done=120, pages_total=300),
    Document(id="b", status="failed", final=True, name="b.pdf", error="It needs a password."),
    Document(id="c", status="succeeded", final=True, name="c\x1b[2J.pdf", pages_total=12),
)
BOARD = Board(only=None, documents={each.id: each for each in DOCUMENTS}, live=True)


def drawn(board: Board, width: int) -> str:
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(table(board, now=0, rows=10, width=width))
    return captured.get()


def test_a_wide_terminal_shows_everything() -> None:
    shown = drawn(BOARD, 110)

    assert "● Processing 120/300" in shown
    assert "✗ Failed" in shown
    assert "It needs a password." in shown
    assert "12 pages" in shown
    assert "1 processing · 1 done · 1 failed   ● live" in shown


def test_a_name_is_shown_as_it_is_without_markup_or_control() -> None:
    shown = drawn(BOARD, 110)

    assert "[bold]report.pdf" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    assert max(len(line) for line in drawn(BOARD, width).splitlines()) <= width


def test_the_status_is_the_last_to_give_way() -> None:
    assert list(columns_for(40, longest=12)) == ["Document", "Status"]
    assert list(columns_for(60, longest=12)) == ["Document", "Status", "Pages", "Delivery"]
    assert list(columns_for(80, longest=12))[-1] == "Remark"


def test_a_lost_connection_is_said_with_its_reason() -> None:
    lost = Board(only=None, away_because="the server ended the stream")

    shown = " ".join(drawn(lost, 100).split())
    assert "no documents yet ○ not connected: the server ended the stream" in shown


def test_the_newest_reasons_are_told_in_full() -> None:
    failed = {
        str(number): Document(id=str(number), status="failed", error="why", position=number)
        for number in range(MOST_REASONS + 5)
    }

    told = failures(Board(only=None, documents=failed))

    assert [each.position for each in told] == list(range(5, MOST_REASONS + 5))
