"""The names that users choose: of URL groups, endpoints, queues and schedules (pure)."""

import re

from service.broker.errors import Malformed

__all__ = ["checked_name", "is_name"]

LONGEST = 256
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def is_name(text: str) -> bool:
    """Whether a text may be such a name; no URL can."""
    return len(text) <= LONGEST and _NAME.fullmatch(text) is not None


def checked_name(text: str, *, of: str) -> str:
    """The name itself; `of` says in the refusal what it would be the name of."""
    if not is_name(text):
        raise Malformed(
            f"{of}: {text[:80]!r} is no name; "
            f"it takes letters, digits, '-', '_' and '.', at most {LONGEST} of them"
        )
    return text
