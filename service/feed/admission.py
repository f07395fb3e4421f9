"""Who may open another stream."""

from collections import Counter
from ipaddress import ip_address, ip_network

from service.feed.frames import BusyReason
from service.feed.limits import FeedLimits


class Admission:
    """Counts open streams, in all and by address."""

    def __init__(self, limits: FeedLimits) -> None:
        self._limits = limits
        self._open: Counter[str] = Counter()
        self.draining = False

    def refusal(self, address: str) -> BusyReason | None:
        """Why this address may not open another stream now; ``None`` if it may."""
        if self.draining:
            return "restart"
        party = _party(address)
        if self._open.total() >= self._limits.streams:
            return "client_limit"
        if party is not None and self._open[party] >= self._limits.streams_per_address:
            return "client_limit"
        return None

    def enter(self, address: str) -> None:
        """A stream was opened."""
        self._open[_party(address) or ""] += 1

    def leave(self, address: str) -> None:
        """It was closed."""
        party = _party(address) or ""
        self._open[party] -= 1
        if not self._open[party]:
            del self._open[party]


def _party(address: str) -> str | None:
    """Whom this address stands for; ``None`` for this machine itself, which has no limit."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address or None
    if parsed.is_loopback:
        return None
    # One household has a whole /64 of IPv6 addresses.
    return str(ip_network(f"{parsed}/64", strict=False) if parsed.version == 6 else parsed)
