"""Which addresses deliveries may go to (pure).

A destination's name says nothing about where it leads, so what is judged is the address that a
name resolved to; the connection is made to that address and no other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from service.broker.destination import host_of
from service.broker.errors import Malformed

__all__ = ["EVERYWHERE", "INTERNET", "Kind", "Reach", "kind_of", "reach_of"]

Address = IPv4Address | IPv6Address

PUBLIC_WORD = "public"
_METADATA = frozenset(
    map(
        ip_address,
        # Link-local ones, and those of clouds that answer elsewhere.
        ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    )
)
_CARRIES_IPV4 = IPv6Network("64:ff9b::/96")


class Kind(StrEnum):
    """What lies behind an address."""

    LOOPBACK = "loopback"
    METADATA = "metadata"
    LINK_LOCAL = "link-local"
    PRIVATE = "private"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """An entry of the allow-list: a name or a network, and the port if only one is meant."""

    name: str | None = None
    """In lower case; `*.example.com` stands for all names below it."""

    network: str | None = None
    port: int | None = None

    def covers(self, host: str, address: Address | None, port: int | None) -> bool:
        """Whether this entry lets a delivery pass."""
        if self.port is not None and port != self.port:
            return False
        if self.network is not None:
            return address is not None and address in ip_network(self.network)
        name = self.name or ""
        if name.startswith("*."):
            return host.endswith(name[1:])
        return host == name


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The kinds of addresses anybody may be sent to, and what is allowed besides."""

    kinds: frozenset[Kind]
    listed: tuple[Allowed, ...] = ()

    def refusal(self, host: str, address: str, port: int | None) -> str | None:
        """Why a host with this address gets nothing; None when it does."""
        found = _unwrapped(ip_address(address))
        kind = kind_of(address)
        if kind in self.kinds or self.lists(host, found, port):
            return None
        what = "an" if kind is Kind.PUBLIC else f"a {kind.value}"
        return f"endpoint resolves to {what} address that is not allowed: {address}"

    def refusal_at_sight(self, url: str) -> str | None:
        """Why a checked URL gets nothing, as far as that shows before a name is resolved."""
        return _at_sight(self, url)

    def check(self, url: str, *, name: str) -> None:
        """Refuses a checked URL at sight."""
        refusal = self.refusal_at_sight(url)
        if refusal is not None:
            raise Malformed(f"invalid {name} url: {refusal}")

    def lists(self, host: str, address: Address | None, port: int | None) -> bool:
        """Whether an entry of the list lets a delivery pass."""
        plain = _plain(host)
        return any(entry.covers(plain, address, port) for entry in self.listed)


EVERYWHERE = Reach(kinds=frozenset({Kind.LOOPBACK, Kind.PRIVATE, Kind.PUBLIC}))
"""For a broker that only this machine can ask: all but link-local and metadata addresses."""

INTERNET = Reach(kinds=frozenset({Kind.PUBLIC}))
"""For a broker that others can ask, as long as nothing is listed."""


def reach_of(entries: Sequence[str], *, exposed: bool) -> Reach:
    """What an allow-list permits: nothing but its entries; without entries, what is usual.

    An entry is `public`, a name, `*.` and a name, an address or a network in CIDR form; names and
    addresses may have a port. Raises `Malformed`, which names the entry.
    """
    if not entries:
        return INTERNET if exposed else EVERYWHERE
    words = [entry for entry in entries if entry.strip().lower() == PUBLIC_WORD]
    return Reach(
        kinds=frozenset({Kind.PUBLIC} if words else ()),
        listed=tuple(_listed(entry for entry in entries if entry not in words)),
    )


@lru_cache(maxsize=1024)
def kind_of(address: str) -> Kind:
    """What lies behind an address, also when IPv6 only carries an IPv4 address."""
    found = _unwrapped(ip_address(address))
    if found in _METADATA:
        return Kind.METADATA
    if found.is_link_local:
        return Kind.LINK_LOCAL
    # To connect to 0.0.0.0 is to connect to this machine.
    if found.is_loopback or found.is_unspecified:
        return Kind.LOOPBACK
    if not found.is_global or found.is_multicast or found.is_reserved:
        return Kind.PRIVATE
    return Kind.PUBLIC


@lru_cache(maxsize=4096)
def _at_sight(reach: Reach, url: str) -> str | None:
    host = _plain(host_of(url))
    literal = _literal(host)
    if literal is not None:
        return reach.refusal(host, str(literal), _port_of(url))
    if reach.kinds or any(entry.network for entry in reach.listed):
        return None  # its address may be one of these
    if reach.lists(host, None, _port_of(url)):
        return None
    return f"{host} is not an allowed destination"


def _listed(entries: Iterable[str]) -> Iterable[Allowed]:
    for entry in entries:
        written = entry.strip().lower()
        try:
            yield Allowed(network=str(ip_network(written)))
        except ValueError:
            yield _with_port(entry, written)


def _with_port(entry: str, written: str) -> Allowed:
    try:
        parts = urlsplit(f"//{written}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _not_an_entry(entry) from error
    if not host or parts.netloc != written or "@" in written:
        raise _not_an_entry(entry)
    literal = _literal(host)
    if literal is not None:
        return Allowed(network=str(ip_network(literal)), port=port)
    below = host.removeprefix("*.")
    if "*" in below or not all(part and _is_label(part) for part in _plain(below).split(".")):
        raise _not_an_entry(entry)
    return Allowed(name=_plain(host), port=port)


def _not_an_entry(entry: str) -> Malformed:
    return Malformed(
        f"allowed destination {entry!r}: give 'public', a name, '*.' and a name, an address or a "
        "network such as 10.1.0.0/16; a name or an address may have a port"
    )


def _is_label(part: str) -> bool:
    return part.isascii() and part.replace("-", "").replace("_", "").isalnum()


def _literal(host: str) -> Address | None:
    try:
        return _unwrapped(ip_address(host))
    except ValueError:
        return None


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _CARRIES_IPV4:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _port_of(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme.lower() == "https" else 80)
