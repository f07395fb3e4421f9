"""A document as the server tells it: what a terminal shows of it, and the whole answer."""

from collections.abc import Mapping

import msgspec


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """Missing fields take their default and new ones are ignored: servers may be newer."""

    id: str
    status: str
    name: str = ""
    final: bool = False
    delivery: str | None = None
    attempt: int = 0
    attempts: int = 0
    pages_done: int = 0
    pages_total: int = 0
    error: str | None = None
    error_code: str | None = None
    retry_at: str | None = None
    position: int = 0
    created_at: str = ""
    erasure: str | None = None
    answer: Mapping[str, object] = {}
    """Everything the server said, for `--json`."""

    @property
    def erased(self) -> bool:
        """Whether somebody had it erased: nothing that it held is told any more."""
        return self.erasure is not None

    @property
    def erased_everywhere(self) -> bool:
        """Whether nothing of it is left anywhere."""
        return self.erasure == "complete"


def document_from(answer: Mapping[str, object]) -> Document:
    """Raises `msgspec.ValidationError` if this is no document."""
    return msgspec.structs.replace(msgspec.convert(dict(answer), Document), answer=dict(answer))


def json_line(value: object) -> str:
    """One JSON object on one line."""
    return msgspec.json.encode(value).decode()
