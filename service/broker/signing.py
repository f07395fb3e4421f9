"""What a destination gets: the delivery's headers, and the token that signs it (pure)."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

import msgspec

from service.broker.message import Headers, Message

__all__ = ["SigningKeys", "delivery_headers", "rotated", "sign"]

LIFETIME = 300
# A JWT by hand: a library's general way takes ten times as long, for each delivery.
_HEAD = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
# A publisher's header must neither break the framing of the request nor pose as one of ours.
_OURS = frozenset({"Content-Length", "Transfer-Encoding", "Connection", "Host", "Te", "Upgrade"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """The key that signs, and the one that will after the next rotation."""

    current: str
    next: str


def rotated(keys: SigningKeys, fresh: str) -> SigningKeys:
    """The next key signs from now on; a fresh one stands by."""
    return SigningKeys(current=keys.next, next=fresh)


def sign(message: Message, *, key: str, at: int) -> str:
    """The `Upstash-Signature` of a delivery made at `at` (microseconds)."""
    seconds = at // 1_000_000
    digest = hashlib.sha256(message.body).digest()
    claims = {
        "iss": "Upstash",
        "sub": message.url,
        "iat": seconds,
        # 0, as the real service: receivers whose clock is behind refused a later one.
        "nbf": 0,
        "exp": seconds + LIFETIME,
        # Unique without chance: one message is attempted once in a microsecond.
        "jti": f"jwt_{message.id}_{at}",
        "body": base64.urlsafe_b64encode(digest).decode("ascii"),
    }
    signed = _HEAD + b"." + _segment(msgspec.json.encode(claims))
    code = hmac.digest(key.encode(), signed, "sha256")
    return (signed + b"." + _segment(code)).decode("ascii")


def delivery_headers(message: Message, signature: str) -> Headers:
    """The headers of a delivery; a forwarded header wins over a default, never over ours."""
    forwarded = tuple(
        (name, value)
        for name, value in message.headers
        if name not in _OURS and not name.startswith("Upstash-")
    )
    ours = [
        ("Upstash-Signature", signature),
        ("Upstash-Message-Id", message.id),
        ("Upstash-Retried", str(message.retried)),
    ]
    if message.options.schedule:
        ours.append(("Upstash-Schedule-Id", message.options.schedule))
    if message.options.group:
        ours.append(("Upstash-Topic-Name", message.options.group))
    if message.caller_ip:
        ours.append(("Upstash-Caller-Ip", message.caller_ip))
    if not any(name == "User-Agent" for name, _ in forwarded):
        ours.append(("User-Agent", "Upstash-QStash"))
    return (*forwarded, *ours)


def _segment(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
