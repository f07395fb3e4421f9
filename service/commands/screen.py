"""Three ways of showing a board: a table that moves, plain lines, JSON lines."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from service.clock import Clock
from service.commands.board import Board, changes, counted, in_view
from service.commands.document import Document, json_line
from service.commands.wording import LOOKS, line, look, plain, remark, state

REFRESHES_PER_SECOND = 8
ROWS_AROUND = 6
"""Lines of the terminal that are not documents: head, foot and the prompt."""
LONGEST_NAME = 32
LEAST_REMARK = 16
MOST_REASONS = 10
GAP = 2
"""Between two columns."""


class Screen(Protocol):
    """Is told of every board that follows another."""

    def show(self, before: Board, after: Board) -> None: ...


@contextmanager
def open_screen(*, as_json: bool, clock: Clock) -> Iterator[Screen]:
    """The screen that suits: JSON if asked for, a table on a terminal, lines anywhere else."""
    console = Console()
    if as_json:
        yield JsonLines()
    elif console.is_terminal:
        with moving_table(console, clock) as table:
            yield table
    else:
        yield PlainLines(clock)


class JsonLines:
    """Each document, whenever it changes, as the server tells it."""

    def show(self, before: Board, after: Board) -> None:
        for document in changes(before, after):
            print(json_line(document.answer), flush=True)


class PlainLines:
    """A line per change; the connection's troubles go where they do not mix with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def show(self, before: Board, after: Board) -> None:
        if before.live and not after.live:
            print(f"the feed is away: {plain(after.away_because)}", file=sys.stderr, flush=True)
        now = self._clock()
        for document in changes(before, after):
            told = line(document, now=now)
            known = before.documents.get(document.id)
            # What only the table shows, such as the delivery, would be the same line once more.
            if known is None or line(known, now=now) != told:
                print(told, flush=True)


class MovingTable:
    """Holds the newest board; the terminal asks for it when it draws."""

    def __init__(self, draw: Callable[[Board], None]) -> None:
        self._draw = draw

    def show(self, before: Board, after: Board) -> None:
        self._draw(after)


@contextmanager
def moving_table(console: Console, clock: Clock) -> Iterator[MovingTable]:
    shown = [Board(only=None)]

    def rendered() -> Table:
        rows = console.height - ROWS_AROUND
        return table(shown[0], now=clock(), rows=rows, width=console.width)

    with Live(
        get_renderable=rendered, console=console, refresh_per_second=REFRESHES_PER_SECOND
    ) as live:
        yield MovingTable(lambda board: shown.__setitem__(0, board))
        live.refresh()
    for document in failures(shown[0]):
        console.print(Text(f"{_name(document)}: {remark(document)}", style="red"))


def failures(board: Board) -> list[Document]:
    """Those whose reason deserves more room than a column, the newest ones if they are many."""
    failed = [
        each
        for each in board.documents.values()
        if each.status == "failed" and each.error and not each.erased
    ]
    return sorted(failed, key=lambda each: each.position)[-MOST_REASONS:]


def table(board: Board, *, now: int, rows: int, width: int) -> Table:
    """The board as a table; everything from outside is text, never markup."""
    documents = in_view(board, rows)
    columns = columns_for(
        width, longest=max((cell_len(_name(each)) for each in documents), default=0)
    )
    drawn = Table(
        caption=foot(board), caption_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    for title, size in columns.items():
        drawn.add_column(title, width=size, no_wrap=True, overflow="ellipsis")
    for document in documents:
        cells = _cells(document, now=now, live=board.live)
        drawn.add_row(*cells[: len(columns)])
    return drawn


def columns_for(width: int, *, longest: int) -> Mapping[str, int]:
    """The columns that a terminal has room for, the most telling first, and how wide each is."""
    columns = {"Document": min(max(longest, 8), LONGEST_NAME), "Status": 21}
    left = width - sum(columns.values()) - GAP
    for title, size in (("Pages", 8), ("Delivery", 9)):
        if left < size + GAP:
            return columns
        columns[title] = size
        left -= size + GAP
    if left >= LEAST_REMARK + GAP:
        columns["Remark"] = left - GAP
    return columns


def foot(board: Board) -> Text:
    """How many are where, and whether this is news."""
    counts = counted(board.documents.values())
    parts = [f"{counts[each]} {LOOKS[each].word.lower()}" for each in LOOKS if each in counts]
    told = Text(" · ".join(parts) or "no documents yet", style="not italic")
    told.append("   ")
    if board.live:
        told.append("● live", style="green")
    else:
        why = f": {plain(board.away_because)}" if board.away_because else ""
        told.append(f"○ not connected{why}", style="yellow")
    return told


def _cells(document: Document, *, now: int, live: bool) -> Sequence[RenderableType]:
    seen = look(document)
    style = seen.style if live or document.final else f"dim {seen.style}"
    return (
        Text(_name(document)),
        Text(f"{seen.sign} {state(document, now=now)}", style=style),
        _bar(document, style),
        Text(document.delivery or "", style="bright_black"),
        Text(remark(document), style="red" if document.status == "failed" else "bright_black"),
    )


def _name(document: Document) -> str:
    return document.id if document.erased else plain(document.name) or document.id


def _bar(document: Document, style: str) -> ProgressBar | Text:
    if not document.pages_total:
        return Text("")
    return ProgressBar(
        total=document.pages_total,
        completed=document.pages_done,
        complete_style=style,
        finished_style=style,
    )
