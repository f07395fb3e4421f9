"""How often each fault is tried: enough for every change, or a night's worth.

``WAYBILL_FAULTS=nightly scripts/test tests/faults tests/property`` takes the second number
everywhere.
"""

import os
from typing import TypeVar

T = TypeVar("T")

NIGHTLY = os.environ.get("WAYBILL_FAULTS") == "nightly"


def size(ci: T, nightly: T) -> T:
    """The first, or the second in a nightly run."""
    return nightly if NIGHTLY else ci


SLOW_MACHINE = size(ci=2.0, nightly=0.0)
"""Seconds that a bound may be missed by, where other tests share the cores: a process that is not
run for a second is late by a second, whatever it promises. At night the bounds hold to the letter.
What is measured often must keep its bound nine times of ten even so.
"""
