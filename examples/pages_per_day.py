"""A projection of one's own: how many documents and pages were read on each day, how many failed.

The service keeps its table up to date beside all others. To use it:

    WAYBILL_PROJECTIONS=examples.pages_per_day:PagesPerDay waybill serve
    curl http://127.0.0.1:8321/v1/projections/pages_per_day
"""

from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from events.document.facts import DeadLettered, ProcessingSucceeded
from events.store import Recorded
from projections.projection import Projection


class Day(msgspec.Struct, frozen=True):
    """One row's state: it is stored and answered as JSON."""

    documents: int = 0
    pages: int = 0
    failed: int = 0


class PagesPerDay(Projection[Day]):
    """One row per day in UTC; its key is the date."""

    name = "pages_per_day"
    version = 1  # a higher one with every change below: the table is then made anew
    state = Day

    def key(self, event: Recorded) -> str | None:
        """The day of the events that count; all others change no row."""
        if not isinstance(event.fact, ProcessingSucceeded | DeadLettered):
            return None
        return datetime.fromtimestamp(event.recorded_at / 1_000_000, UTC).date().isoformat()

    def fold(self, state: Day | None, event: Recorded) -> Day:
        """The day with this event counted; nothing but the two arguments may matter here."""
        day = state or Day()
        if isinstance(event.fact, ProcessingSucceeded):
            return replace(day, documents=day.documents + 1, pages=day.pages + event.fact.pages)
        return replace(day, failed=day.failed + 1)
