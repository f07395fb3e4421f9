"""The line between a node and PostgreSQL, which breaks just before or just after a commit."""

from typing import Literal

from tests.line import Fate, Line

Cut = Literal["before", "after"]

COMMIT = b"COMMIT\x00"


class CuttingProxy(Line):
    """Passes everything on; the next commit after ``next_cut`` was set ends the connection.

    ``before``: PostgreSQL never hears of it. ``after``: it is done, and nobody hears the answer.
    """

    abrupt = True

    def __init__(self, port: int) -> None:
        super().__init__()
        self.next_cut: Cut | None = None
        self.cuts = 0
        self._port = port

    def behind(self) -> int:
        return self._port

    def fates(self) -> tuple[Fate, Fate]:
        lost = False

        def asked(piece: bytes) -> bytes | None:
            nonlocal lost
            if piece.endswith(COMMIT) and self.next_cut is not None:
                cut, self.next_cut = self.next_cut, None
                self.cuts += 1
                if cut == "before":
                    return None
                lost = True
            return piece

        def answered(piece: bytes) -> bytes | None:
            return None if lost else piece

        return asked, answered
