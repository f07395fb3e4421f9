"""Processors whose documents say what to do with them: a test holds the gate in its hand.

The document is JSON: `{"gate": FILE, "pages": N, "fails": [[RUN, ATTEMPT], ...]}`.
"""

import time
from pathlib import Path

import msgspec

from service.processing.processor import Job, Metadata, Retry

LOOK_SECONDS = 0.01


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What the document asks for."""

    pages: int = 1
    gate: str | None = None
    """The last page is written only when this file exists."""

    failing_runs: list[int] = []
    """Every attempt of these runs fails, and is worth another try."""

    complaint: str = ""
    """Every attempt fails, and says this."""

    salt: str = ""


def reached(gate: Path) -> Path:
    """There as soon as a worker waits at the gate."""
    return gate.with_suffix(".reached")


def scripted(job: Job) -> Metadata | None:
    """Does what the document says."""
    script = msgspec.json.decode(job.path.read_bytes(), type=Script)
    if job.run in script.failing_runs:
        raise Retry("on_purpose", f"run {job.run} fails on purpose")
    if script.complaint:
        raise Retry("on_purpose", script.complaint)
    for number in range(1, script.pages + 1):
        if number == script.pages and script.gate is not None:
            _wait_for(Path(script.gate))
        job.write_page(number, f"{script.salt}page {number}")
        job.progress(number, script.pages)
    return None


def _wait_for(gate: Path) -> None:
    reached(gate).touch()
    while not gate.exists():
        time.sleep(LOOK_SECONDS)
