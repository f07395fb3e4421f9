"""The hash chain: each event seals all that came before it.

``chain(n) = SHA-256(chain(n - 1) | SHA-256(header) | SHA-256(data))``. The data has a hash of its
own, so that erasing what it holds can keep the hash, and the chain still verifies.
"""

import hashlib

import msgspec

GENESIS = bytes(32)
"""What the first event is chained to."""


def link(previous: bytes, *, header: bytes, data: bytes) -> bytes:
    """The chain value (32 bytes) of an event that follows ``previous``."""
    header_digest = hashlib.sha256(header).digest()
    return hashlib.sha256(previous + header_digest + hashlib.sha256(data).digest()).digest()


def header(**fields: object) -> bytes:
    """The canonical bytes of everything about an event but its data."""
    return msgspec.json.encode(fields, order="sorted")
