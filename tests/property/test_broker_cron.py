"""Schedules fire at the times that going through the year minute by minute finds, in every zone."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.broker.cron import next_after, parse
from service.broker.errors import Malformed

MINUTE = timedelta(minutes=1)
SECOND = 1_000_000
# The two nights of 2026 in which the clock jumps, and days around them.
NIGHTS = {
    "Europe/Berlin": (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)),
    "America/New_York": (datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC)),
    # By half an hour, and by two.
    "Australia/Lord_Howe": (datetime(2026, 4, 4, tzinfo=UTC), datetime(2026, 10, 3, tzinfo=UTC)),
    "Antarctica/Troll": (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)),
    # At midnight, so that the day begins at one.
    "America/Santiago": (datetime(2026, 4, 4, tzinfo=UTC), datetime(2026, 9, 5, tzinfo=UTC)),
    # No daylight saving, but a zone that is not whole hours away.
    "Asia/Kathmandu": (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)),
}
DAYS = 3
LOWEST = (0, 0, 1, 1, 0)
HIGHEST = (59, 23, 31, 12, 7)


@lru_cache
def values(field: str, low: int, high: int) -> frozenset[int]:
    """The values of a field: `*`, `*/n`, `a`, `a-b`, `a-b/n` or a list of them."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        start, _, end = (f"{low}-{high}" if span == "*" else span).partition("-")
        last = int(end) if end else (high if step else int(start))
        found.update(range(int(start), last + 1, int(step or 1)))
    return frozenset(found)


def hands_match(fields: tuple[str, ...], local: datetime) -> bool:
    minute, hour, day, month, weekday = map(values, fields, LOWEST, HIGHEST)
    in_day = local.day in day
    in_week = bool({local.isoweekday() % 7, local.isoweekday()} & weekday)
    star = fields[2].startswith("*") or fields[4].startswith("*")
    return (
        local.minute in minute
        and local.hour in hour
        and local.month in month
        and (in_day and in_week if star else in_day or in_week)
    )


def exists(local: datetime) -> bool:
    return local.astimezone(UTC).astimezone(local.tzinfo) == local


@lru_cache(maxsize=16)
def minutes(start: datetime, days: int) -> list[datetime]:
    return [start + number * MINUTE for number in range(days * 1440)]


def by_hand(fields: tuple[str, ...], zone: ZoneInfo, start: datetime, days: int) -> list[datetime]:
    """All times from `start` on, found by looking at every minute."""
    if fields[0].startswith("*") or fields[1].startswith("*"):
        return [at for at in minutes(start, days) if hands_match(fields, at.astimezone(zone))]
    # Fixed times: every minute of the calendar, whether the clock shows it or not.
    found = set()
    first = start.astimezone(zone).replace(tzinfo=None) - timedelta(hours=3)
    for number in range(days * 1440 + 360):
        naive = first + number * MINUTE
        if not hands_match(fields, naive):
            continue
        local = naive.replace(tzinfo=zone)
        while not exists(local):
            local = (local.replace(tzinfo=None) + MINUTE).replace(tzinfo=zone)
        found.add(local.astimezone(UTC))
    return sorted(at for at in found if start <= at < start + timedelta(days=days))


def times(text: str, start: datetime, days: int) -> list[datetime]:
    """All times from `start` on, as the broker finds them, one after the other."""
    cron = parse(text)
    at = int(start.timestamp()) * SECOND - 1
    end = int((start + timedelta(days=days)).timestamp()) * SECOND
    found = []
    while (following := next_after(cron, at)) is not None and following < end:
        assert following > at
        found.append(datetime.fromtimestamp(following // SECOND, tz=UTC))
        at = following
    return found


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    one = st.integers(low, high).map(str)
    span = st.tuples(st.integers(low, high), st.integers(low, high)).map(
        lambda pair: f"{min(pair)}-{max(pair)}"
    )
    step = st.integers(1, high)
    stepped = st.tuples(st.one_of(st.just("*"), span), step).map(lambda p: f"{p[0]}/{p[1]}")
    listed = st.lists(st.one_of(one, span), min_size=2, max_size=3).map(",".join)
    return st.one_of(one, st.just("*"), span, stepped, listed)


EXPRESSIONS = st.tuples(
    numbers(0, 59),
    st.one_of(numbers(0, 23), st.sampled_from(["0", "1", "2", "3", "1-3", "0,2"])),
    st.one_of(st.just("*"), numbers(1, 28)),
    st.just("*"),
    st.one_of(st.just("*"), numbers(0, 6)),
)


@given(EXPRESSIONS, st.sampled_from(sorted(NIGHTS)), st.integers(0, 1))
@settings(max_examples=60, deadline=None)
def test_times_across_daylight_saving_are_those_of_the_calendar(
    fields: tuple[str, ...], zone: str, night: int
) -> None:
    start = NIGHTS[zone][night]

    found = times(f"CRON_TZ={zone} {' '.join(fields)}", start, DAYS)

    assert found == by_hand(fields, ZoneInfo(zone), start, DAYS)


@given(EXPRESSIONS)
@settings(max_examples=15, deadline=None)
def test_times_in_utc_are_those_of_the_calendar(fields: tuple[str, ...]) -> None:
    start = datetime(2026, 2, 27, tzinfo=UTC)

    assert times(" ".join(fields), start, DAYS) == [
        at for at in minutes(start, DAYS) if hands_match(fields, at)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The clock goes from 2 to 3: what is fixed in between runs right after it.
        ("CRON_TZ=Europe/Berlin 30 2 29 3 *", ["2026-03-29T01:00"]),
        ("CRON_TZ=Europe/Berlin */30 2 29 3 *", []),
        # The clock goes from 3 back to 2: what is fixed runs once, what has a star twice.
        ("CRON_TZ=Europe/Berlin 30 2 25 10 *", ["2026-10-25T00:30"]),
        (
            "CRON_TZ=Europe/Berlin */30 2 25 10 *",
            [f"2026-10-25T0{t}" for t in ("0:00", "0:30", "1:00", "1:30")],
        ),
        # The clock goes from 2 back to half past 1, half an hour and not an hour.
        ("CRON_TZ=Australia/Lord_Howe 45 1 5 4 *", ["2026-04-04T14:45"]),
        (
            "CRON_TZ=Australia/Lord_Howe */15 1 5 4 *",
            [f"2026-04-04T{t}" for t in ("14:00", "14:15", "14:30", "14:45", "15:00", "15:15")],
        ),
        ("CRON_TZ=Australia/Lord_Howe */30 2 5 4 *", ["2026-04-04T15:30", "2026-04-04T16:00"]),
        (
            "CRON_TZ=Australia/Lord_Howe 0 */12 4-5 10 *",
            ["2026-10-03T13:30", "2026-10-04T01:00", "2026-10-04T13:00", "2026-10-05T01:00"],
        ),
        ("0 0 29 2 *", []),
        ("0 12 * * 7", None),
    ],
)
def test_times_of_one_year(text: str, expected: list[str] | None) -> None:
    found = times(text, datetime(2026, 1, 1, tzinfo=UTC), 365)

    if expected is None:
        assert (len(found), {at.isoweekday() for at in found}) == (52, {7})
    else:
        assert [at.strftime("%Y-%m-%dT%H:%M") for at in found] == expected


@given(st.one_of(st.text(max_size=40), st.text("0123456789*,-/#LWMONCRTZ_= ", max_size=40)))
@settings(deadline=None)
def test_a_cron_expression_has_a_next_time_or_is_refused_by_name(text: str) -> None:
    try:
        cron = parse(text)
    except Malformed as error:
        assert "Upstash-Cron" in str(error)
        return
    following = next_after(cron, 1_790_000_000 * SECOND)
    assert following is not None
    assert following > 1_790_000_000 * SECOND


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("* * * * * *", "6 fields"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day-of-month"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "day-of-week"),
        ("0 0 30 2 *", "day-of-month"),
        ("CRON_TZ=Mars/Olympus * * * * *", "Mars/Olympus"),
        ("CRON_TZ=localtime * * * * *", "localtime"),
        ("CRON_TZ=../../etc/passwd * * * * *", "etc/passwd"),
        ("CRON_TZ=Europe/Berlin", "0 fields"),
        ("*" * 300, "256"),
        ("9" * 200 + " * * * *", "minute"),
    ],
)
def test_the_bad_part_of_an_expression_is_named(text: str, named: str) -> None:
    with pytest.raises(Malformed, match=named):
        parse(text)
