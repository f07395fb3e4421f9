"""Times that people copy from what our commands print, or write by themselves."""

import pytest

from service.commands.times import moment_of


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (None, None),
        ("18422", "18422"),
        ("yesterday", "yesterday"),
        ("2026-11-23T14:02:00Z", "2026-11-23T14:02:00Z"),
        ("2026-11-23 14:02:00.123 UTC", "2026-11-23T14:02:00.123Z"),
        ("2026-11-23, 14:02:00.123 UTC+0100", "2026-11-23T14:02:00.123+01:00"),
        ("2026-11-23 14:02:00+0100", "2026-11-23T14:02:00+01:00"),
        ("2026-11-23T14:02:00-05:30", "2026-11-23T14:02:00-05:30"),
        ("2026-11-23 14:02:00.123", "2026-11-23T14:02:00.123"),
    ],
)
def test_what_the_commands_print_is_understood(text: str | None, meant: str | None) -> None:
    assert moment_of(text) == meant
