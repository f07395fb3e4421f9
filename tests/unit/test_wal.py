"""When a write-ahead log is written back, and when it is stuck."""

from events.wal import ALARM_BYTES, CHECKPOINT_BYTES, INSIST_BYTES, STEP_BYTES, CheckpointRule


def test_a_small_wal_is_left_alone() -> None:
    rule = CheckpointRule()

    assert rule.due(CHECKPOINT_BYTES) is None
    assert rule.due(CHECKPOINT_BYTES + 1) == "PASSIVE"


def test_one_that_could_not_shrink_is_tried_again_when_it_has_grown() -> None:
    rule = CheckpointRule()
    size = CHECKPOINT_BYTES + 1

    rule.tried("PASSIVE", size, whole=False)

    assert rule.due(size + STEP_BYTES) is None
    assert rule.due(size + STEP_BYTES + 1) == "PASSIVE"


def test_a_large_one_waits_for_its_readers_and_again_when_it_has_doubled() -> None:
    rule = CheckpointRule()
    size = INSIST_BYTES + 1
    assert rule.due(size) == "RESTART"

    rule.tried("RESTART", size, whole=False)

    assert rule.due(2 * size) == "PASSIVE"
    assert rule.due(2 * size + 1) == "RESTART"


def test_one_that_was_begun_anew_has_all_its_room_again() -> None:
    rule = CheckpointRule()
    rule.tried("RESTART", 2 * INSIST_BYTES, whole=True)

    assert rule.due(CHECKPOINT_BYTES) is None

    assert rule.due(CHECKPOINT_BYTES + 1) == "PASSIVE"
    assert rule.due(INSIST_BYTES + 1) == "RESTART"


def test_it_is_stuck_only_when_waiting_for_its_readers_did_not_help() -> None:
    rule = CheckpointRule()
    large = ALARM_BYTES + 1

    rule.tried("PASSIVE", large, whole=False)
    assert rule.stuck_bytes == 0
    rule.tried("RESTART", ALARM_BYTES, whole=False)
    assert rule.stuck_bytes == 0
    rule.tried("RESTART", large, whole=True)
    assert rule.stuck_bytes == 0
    rule.tried("RESTART", large, whole=False)
    assert rule.stuck_bytes == large

    rule.due(CHECKPOINT_BYTES)
    assert rule.stuck_bytes == 0
