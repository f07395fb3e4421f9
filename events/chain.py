"""The hash chain: each event seals all that came before it.

``chain(n) = SHA-256(chain(n - 1) | SHA-256(header) | SHA-256(data))``. The data has a hash of its
own, so that erasing what it holds can keep the hash, and the chain still verifies.
"""

from hashlib import sha256

import msgspec

GENESIS = bytes(32)
"""What the first event is chained to."""


class Header(msgspec.Struct, frozen=True, gc=False):
    """Everything about an event but its data; ``meta`` is canonical JSON.

    The names in this order are the hashed bytes: sorted, and never changed.
    """

    causation_id: str | None
    correlation_id: str
    event_id: str
    meta: msgspec.Raw
    occurred_at: int
    position: int
    recorded_at: int
    schema_version: int
    stream: str
    type: str
    version: int


_encode = msgspec.json.Encoder().encode


def digest(data: bytes) -> bytes:
    """What the chain keeps of an event's data."""
    return sha256(data).digest()


def link(previous: bytes, *, header: Header, data_digest: bytes) -> bytes:
    """The chain value (32 bytes) of an event that follows ``previous``."""
    return sha256(previous + sha256(_encode(header)).digest() + data_digest).digest()
