"""Times as people bring them: copied from what `history` and `events` print, too. Pure."""

import re

_PRINTED = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?:[Tt]|,? )(?P<clock>\d{2}:\d{2}:\d{2}(?:\.\d+)?)"
    r" ?(?P<zone>Z|UTC|(?:UTC)?[+-]\d{2}:?\d{2})?",
    re.ASCII,
)


def moment_of(text: str | None) -> str | None:
    """What somebody means, as the log's moments are written; all else stays as it is."""
    found = None if text is None else _PRINTED.fullmatch(text.strip())
    if found is None:
        return text
    return f"{found['day']}T{found['clock']}{_zone(found['zone'] or '')}"


def _zone(written: str) -> str:
    digits = written.removeprefix("UTC").replace(":", "")
    if not digits:
        return "Z" if written else ""
    return digits if digits == "Z" else f"{digits[:3]}:{digits[3:]}"
