"""`DATABASE COUNT`, a text on standard input: events saved through an `eventsourcing` application.

Runs in ``.venv-bench`` and imports nothing of ours. This is what the peer's users call, and what
an append of ours does: the event is encoded, its version checked, and its commit durable (WAL,
``synchronous=FULL``, as it ships). One thread, one event for each save.
"""

import json
import sys
import time

from eventsourcing.application import (  # type: ignore[import-not-found] # see above
    Application,
)
from eventsourcing.domain import Aggregate, event  # type: ignore[import-not-found] # see above


class Document(Aggregate):  # type: ignore[misc] # the library is not there to be checked
    """A stream of events that hold a text."""

    @event("Noted")  # type: ignore[untyped-decorator] # see above
    def note(self, text: str) -> None:
        """Nothing is kept of it: only the event counts."""


def main() -> None:
    database, count = sys.argv[1], int(sys.argv[2])
    text = sys.stdin.read()
    application = Application(
        env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": database}
    )
    document = Document()
    application.save(document)
    latencies = []
    began = time.perf_counter()
    for _ in range(count):
        document.note(text)
        called = time.perf_counter()
        application.save(document)
        latencies.append(time.perf_counter() - called)
    json.dump({"seconds": time.perf_counter() - began, "latencies": latencies}, sys.stdout)


if __name__ == "__main__":
    main()
