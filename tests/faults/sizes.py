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
