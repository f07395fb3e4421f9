"""A message that QStash refuses for its content is given up, visibly and after a bound."""

import pytest

from events.document.decisions import MOST_REFUSALS, record_publish_failed
from events.document.evolve import evolve
from events.document.facts import DeadLettered, PublishFailed
from events.document.state import Document, Status
from tests.unit.document.builders import an, publishing


def refused(document: Document, times: int, *, status: int | None) -> Document:
    for _ in range(times):
        failed = an(PublishFailed, http_status=status, ambiguous=status is None)
        for event in record_publish_failed(document, failed):
            document = evolve(document, event)
    return document


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_what_qstash_keeps_refusing_is_failed_in_the_end(status: int) -> None:
    document = refused(publishing(), MOST_REFUSALS - 1, status=status)
    assert document.status is Status.QUEUED

    document = refused(document, 1, status=status)

    assert document.status is Status.FAILED
    assert document.delivery is None
    assert "QStash does not take it" in (document.error or "")


@pytest.mark.parametrize("status", [401, 403, 412, 429, 500, 503, None])
def test_what_can_be_mended_is_tried_for_ever(status: int | None) -> None:
    document = refused(publishing(), 10 * MOST_REFUSALS, status=status)

    assert document.status is Status.QUEUED
    assert document.publishing is not None


def test_the_refusal_that_ends_it_is_recorded_too() -> None:
    document = refused(publishing(), MOST_REFUSALS - 1, status=400)

    events = record_publish_failed(document, an(PublishFailed, http_status=400, ambiguous=False))

    assert [type(event) for event in events] == [PublishFailed, DeadLettered]
