"""QStash's signature on a request, checked on the raw bytes.

A JWT (HS256) in ``Upstash-Signature`` says who sent the request (``iss``), where to (``sub``),
when, and what (``body``: a hash). The SDK's ``Receiver`` takes the body for text, ignores its clock
tolerance and reports only the second key's error; so this is our own, cross-checked against it.
It is asked once for each delivery: see decision 0012 for why it does without PyJWT.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal

import msgspec

ALGORITHM = "HS256"
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


class _Header(msgspec.Struct, frozen=True):
    alg: str


class _Claims(msgspec.Struct, frozen=True):
    """The times are in seconds since the epoch."""

    iss: str
    sub: str
    exp: int
    nbf: int
    jti: str
    body: str
    iat: int | msgspec.UnsetType = msgspec.UNSET


_HEADER = msgspec.json.Decoder(_Header)
_CLAIMS = msgspec.json.Decoder(_Claims)


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


def _claims(token: str, key: str) -> _Claims | Rejected:
    """What the token says, once it is sure that whoever has the key has written it (RFC 7515)."""
    signed, _, seal = token.rpartition(".")
    header, _, payload = signed.partition(".")
    if not (header and payload and seal):
        return Rejected("malformed", "it has not the three parts of a signature")
    expected = hmac.digest(key.encode(), signed.encode(), "sha256")
    if not hmac.compare_digest(_encoded(expected), seal.encode()):
        return Rejected("bad", "the signature does not fit this key")
    try:
        algorithm = _HEADER.decode(_decoded(header)).alg
        claims = _CLAIMS.decode(_decoded(payload))
    except (msgspec.MsgspecError, ValueError) as error:
        return Rejected("malformed", str(error))
    if algorithm != ALGORITHM:
        return Rejected("malformed", f"it says that it was made with {algorithm!r}")
    return claims


def _checked(
    claims: _Claims, key: KeyName, body: bytes, *, url: str, now: int
) -> Verified | Rejected:
    seconds = now // 1_000_000
    begins = claims.nbf
    signed_at = begins if claims.iat is msgspec.UNSET else claims.iat
    if claims.iss != "Upstash":
        return Rejected("wrong_issuer", f"signed by {claims.iss!r}")
    if seconds > claims.exp + LEEWAY_SECONDS:
        return Rejected("expired", f"expired {seconds - claims.exp} s ago")
    if max(begins, signed_at) > seconds + LEEWAY_SECONDS:
        return Rejected("not_yet", f"signed {max(begins, signed_at) - seconds} s in the future")
    if claims.sub != url:
        return Rejected("wrong_url", f"signed for {claims.sub!r}, this is {url!r}")
    digest = hashlib.sha256(body)
    given = claims.body.rstrip("=").encode()
    if not hmac.compare_digest(_encoded(digest.digest()), given):
        return Rejected("body_mismatch", "the body is not the one that was signed")
    return Verified(key, claims.jti, signed_at * 1_000_000, digest.hexdigest())


def _encoded(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")
