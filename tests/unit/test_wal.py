"""When a write-ahead log is written back, and when it is stuck."""

from events.wal import ALARM_BYTES, CHECKPOINT_BYTES, STEP_BYTES, CheckpointRule


def test_a_small_wal_is_left_alone() -> None:
    rule = CheckpointRule()

    assert not rule.due(CHECKPOINT_BYTES)
    assert rule.due(CHECKPOINT_BYTES + 1)


def test_one_that_could_not_shrink_is_tried_again_when_it_has_grown() -> None:
    rule = CheckpointRule()
    size = CHECKPOINT_BYTES + 1

    rule.tried(size, whole=False)

    assert not rule.due(size + STEP_BYTES)
    assert rule.due(size + STEP_BYTES + 1)


def test_one_that_was_begun_anew_has_all_its_room_again() -> None:
    rule = CheckpointRule()
    rule.tried(2 * CHECKPOINT_BYTES, whole=True)

    rule.due(CHECKPOINT_BYTES)

    assert rule.due(CHECKPOINT_BYTES + 1)


def test_it_is_stuck_only_when_it_is_large_and_something_is_left_in_it() -> None:
    rule = CheckpointRule()

    rule.tried(ALARM_BYTES, whole=False)
    assert rule.stuck_bytes == 0
    rule.tried(ALARM_BYTES + 1, whole=True)
    assert rule.stuck_bytes == 0
    rule.tried(ALARM_BYTES + 1, whole=False)
    assert rule.stuck_bytes == ALARM_BYTES + 1

    rule.due(CHECKPOINT_BYTES)
    assert rule.stuck_bytes == 0
