"""What people write for a place in the log: a position or a time, and nothing else."""

import pytest

from events.errors import Archived
from service.moments import LARGEST, Moment, NotAMoment, NotYet, Position, Time, parsed, place

SECOND = 1_000_000
NOW = 1_795_400_000 * SECOND
RECORDED = [NOW - 30 * SECOND, NOW - 20 * SECOND, NOW - 20 * SECOND, NOW - 5 * SECOND]


class Log:
    """A log that holds ``RECORDED``; its oldest events may be archived."""

    def __init__(self, floor: int = 0) -> None:
        self._floor = floor

    async def head(self) -> int:
        return len(RECORDED)

    async def floor(self) -> int:
        return self._floor

    async def position_at(self, microseconds: int) -> int:
        return sum(recorded_at <= microseconds for recorded_at in RECORDED)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0", Position(0)),
        ("18422", Position(18422)),
        ("007", Position(7)),
        (str(LARGEST), Position(LARGEST)),
        ("1970-01-01T00:00:00Z", Time(0)),
        ("1970-01-01t00:00:01z", Time(SECOND)),
        ("1970-01-01T01:00:00+01:00", Time(0)),
        ("1969-12-31T23:59:59.5-00:00", Time(-SECOND // 2)),
        ("1970-01-01T00:00:00.000001Z", Time(1)),
        ("1970-01-01T00:00:00.1234567890123456789Z", Time(123_456)),
        ("2024-02-29T00:00:00Z", Time(1_709_164_800 * SECOND)),
        ("0001-01-01T00:00:00+23:59", Time(-62_135_683_140 * SECOND)),
        ("9999-12-31T23:59:59-23:59", Time(253_402_387_139 * SECOND)),
    ],
)
def test_a_position_and_a_time_are_understood(text: str, moment: Moment) -> None:
    assert parsed(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "-1",
        "+1",
        "1.5",
        "1e3",
        "٣",
        str(LARGEST + 1),
        "9" * 5000,
        "now",
        "2026-11-23",
        "2026-11-23T14:02:00",
        "2026-11-23 14:02:00Z",
        "2026-11-23T14:02Z",
        "2026-11-23T14:02:00 01:00",
        "2026-11-23T14:02:00+0100",
        "2026-11-23T24:00:00Z",
        "2026-11-23T14:02:60Z",
        "2026-11-23T14:02:00+24:00",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-11-23T14:02:00.Z",
        "2026-11-23T14:02:00Z\n",
    ],
)
def test_anything_else_is_refused_with_what_it_takes(text: str) -> None:
    with pytest.raises(NotAMoment, match=r"write a whole number from 0 to .* or an RFC 3339 time"):
        parsed(text)


def test_a_time_that_only_lacks_its_zone_is_told_so() -> None:
    with pytest.raises(NotAMoment, match=r"is a time without its zone; write .* such as 2026-"):
        parsed("2026-11-23T14:02:00.5")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("moment", "position"),
    [
        (Position(0), 0),
        (Position(4), 4),
        (Time(-SECOND), 0),
        (Time(RECORDED[0] - 1), 0),
        (Time(RECORDED[0]), 1),
        (Time(RECORDED[1]), 3),
        (Time(RECORDED[3] - 1), 3),
        (Time(NOW), 4),
    ],
)
async def test_a_moment_is_the_last_position_up_to_it(moment: Moment, position: int) -> None:
    assert await place(moment, Log(), now=NOW) == position


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("moment", "why"),
    [
        (Position(5), "the log ends at position 4; position 5 is not there"),
        (Time(NOW + 1), r"2026-11-23T.*000001Z has not come yet; here it is 2026-11-23T.*000000Z"),
        (parsed("9999-12-31T23:59:59-23:59"), "that time has not come yet"),
    ],
)
async def test_what_is_not_in_the_log_yet_is_said_to_be_so(moment: Moment, why: str) -> None:
    with pytest.raises(NotYet, match=why):
        await place(moment, Log(), now=NOW)


@pytest.mark.anyio
@pytest.mark.parametrize("moment", [Position(0), Position(2), Time(RECORDED[0])])
async def test_what_is_archived_is_said_to_be_so(moment: Moment) -> None:
    with pytest.raises(Archived, match="the database begins behind position 3"):
        await place(moment, Log(floor=3), now=NOW)
