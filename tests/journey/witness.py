"""What must hold for every document at the end, whatever happened on the way."""

from collections import Counter
from collections.abc import Sequence

from tests.journey.product import Client, Json, Waybill

ORDER = ("received", "queued", "processing", "succeeded")


def types(history: Sequence[Json]) -> list[str]:
    return [event["type"] for event in history]


def count(history: Sequence[Json], type_name: str) -> int:
    return types(history).count(type_name)


def holds(history: Sequence[Json]) -> None:
    """The promises that any document's history keeps."""
    assert [event["version"] for event in history] == list(range(1, len(history) + 1))
    positions = [event["position"] for event in history]
    assert positions == sorted(set(positions))
    recorded = [event["recorded_at"] for event in history]
    assert recorded == sorted(recorded)
    _one_worker_at_a_time(history)
    starts = Counter(e["data"]["run"] for e in history if e["type"] == "processing_started")
    budgets = {
        e["data"]["run"]: e["data"]["attempt_budget"]
        for e in history
        if e["type"] == "enqueue_requested"
    }
    for run, started in starts.items():
        assert started <= budgets.get(run, started), f"run {run} was started {started} times"
    successes = Counter(e["data"]["run"] for e in history if e["type"] == "processing_succeeded")
    assert all(times == 1 for times in successes.values()), successes


def _one_worker_at_a_time(history: Sequence[Json]) -> None:
    """A new attempt starts only after the one before has ended or lost its lease."""
    running: str | None = None
    for event in history:
        attempt_id = event["data"].get("attempt_id")
        match event["type"]:
            case "processing_started":
                assert running is None, f"{attempt_id} began while {running} was at work"
                running = attempt_id
            case "processing_succeeded" | "processing_failed" | "lease_expired":
                running = None if attempt_id == running else running


async def processed_once(waybill: Waybill, client: Client, document_id: str) -> list[Json]:
    """The document succeeded, one time, with one result; its history."""
    state = await client.ends(document_id)
    history = await client.history(document_id)
    assert state["status"] == "succeeded", types(history)
    holds(history)
    assert count(history, "processing_succeeded") == 1, types(history)
    assert len(waybill.results(document_id)) == 1
    return history
