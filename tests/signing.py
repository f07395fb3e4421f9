"""Signs requests as QStash does, or wrongly in one thing only."""

import base64
import hashlib
import itertools
import time
from typing import Any

import jwt

Claims = dict[str, Any]

_numbers = itertools.count(1)


def claims_for(url: str, body: bytes) -> Claims:
    """What QStash says of a request to this URL with this body."""
    now = int(time.time())
    digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode()
    return {
        "iss": "Upstash",
        "sub": url,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "jti": f"jwt_{next(_numbers)}_{time.time_ns()}",
        "body": digest,
    }


def signed(claims: Claims, key: str) -> str:
    """The claims as the value of ``Upstash-Signature``."""
    return jwt.encode(claims, key, algorithm="HS256")


def tampered(signature: str) -> str:
    """The same with one letter of the seal changed."""
    head, payload, seal = signature.split(".")
    other = "A" if seal[5] != "A" else "B"
    return ".".join((head, payload, seal[:5] + other + seal[6:]))
