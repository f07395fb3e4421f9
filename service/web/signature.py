"""QStash's signature on a request, checked on the raw bytes.

A JWT (HS256) in ``Upstash-Signature`` says who sent the request (``iss``), where to (``sub``),
when, and what (``body``: a hash). The SDK's ``Receiver`` takes the body for text, ignores its clock
tolerance and reports only the second key's error; so this is our own, cross-checked against it.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import jwt
import msgspec

LEEWAY_SECONDS = 30
"""How far QStash's clock and ours may be apart."""

Reason = Literal[
    "missing",
    "malformed",
    "bad",
    "expired",
    "not_yet",
    "wrong_url",
    "body_mismatch",
    "wrong_issuer",
]
KeyName = Literal["current", "next"]

_REQUIRED = ["iss", "sub", "exp", "nbf", "jti", "body"]


class Verified(msgspec.Struct, frozen=True):
    """The request is QStash's; ``signed_at`` in microseconds since the epoch."""

    key: KeyName
    jti: str
    signed_at: int
    body_sha256: str


class Rejected(msgspec.Struct, frozen=True):
    """The request is not to be trusted; the detail is for our log only."""

    reason: Reason
    detail: str


def verify(
    signature: str | None,
    body: bytes,
    *,
    url: str,
    keys: Sequence[tuple[KeyName, str]],
    now: int,
) -> Verified | Rejected:
    """Check the signature against each key; ``now`` in microseconds since the epoch."""
    if not signature:
        return Rejected("missing", "there is no Upstash-Signature header")
    for name, key in keys:
        claims = _claims(signature, key)
        if isinstance(claims, Rejected):
            if claims.reason == "bad":
                continue
            return claims
        return _checked(claims, name, body, url=url, now=now)
    return Rejected("bad", "no signing key fits; were the keys rotated, or is it a forgery?")


def _claims(signature: str, key: str) -> dict[str, Any] | Rejected:
    try:
        # The times are checked below against our own clock, with a leeway that works.
        claims: dict[str, Any] = jwt.decode(
            signature,
            _prepared(key),
            algorithms=["HS256"],
            options={
                "require": _REQUIRED,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
            },
        )
    except jwt.InvalidSignatureError:
        return Rejected("bad", "the signature does not fit this key")
    except jwt.PyJWTError as error:
        return Rejected("malformed", str(error))
    return claims


@lru_cache(maxsize=8)
def _prepared(key: str) -> jwt.PyJWK:
    """The key as PyJWT would make it of the text for every request."""
    octets = base64.urlsafe_b64encode(key.encode()).rstrip(b"=").decode()
    return jwt.PyJWK({"kty": "oct", "k": octets, "alg": "HS256"})


def _checked(
    claims: dict[str, Any], key: KeyName, body: bytes, *, url: str, now: int
) -> Verified | Rejected:
    digest = hashlib.sha256(body)
    seconds = now // 1_000_000
    try:
        expires, begins = int(claims["exp"]), int(claims["nbf"])
        signed_at = int(claims.get("iat", begins))
    except (TypeError, ValueError):
        return Rejected("malformed", "exp, nbf and iat must be numbers")
    if claims["iss"] != "Upstash":
        return Rejected("wrong_issuer", f"signed by {claims['iss']!r}")
    if seconds > expires + LEEWAY_SECONDS:
        return Rejected("expired", f"expired {seconds - expires} s ago")
    if max(begins, signed_at) > seconds + LEEWAY_SECONDS:
        return Rejected("not_yet", f"signed {max(begins, signed_at) - seconds} s in the future")
    if claims["sub"] != url:
        return Rejected("wrong_url", f"signed for {claims['sub']!r}, this is {url!r}")
    expected = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=")
    given = str(claims["body"]).rstrip("=").encode()
    if not hmac.compare_digest(expected, given):
        return Rejected("body_mismatch", "the body is not the one that was signed")
    return Verified(key, str(claims["jti"]), signed_at * 1_000_000, digest.hexdigest())
