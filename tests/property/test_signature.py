"""Whatever stands in ``Upstash-Signature``: an answer, never an exception, and the SDK's answer."""

import base64
import json
import time
from typing import Any

import jwt
from hypothesis import given
from hypothesis import strategies as st
from qstash import Receiver
from qstash.errors import SignatureError

from service.web.signature import Rejected, Verified, verify
from tests.signing import claims_for, signed

CURRENT = "sig_" + "c" * 40
URL = "https://waybill.example/v1/qstash/process"
BODY = b'{"document_id": "doc_1", "run": 1}'

HEADER_TEXTS = st.text(st.characters(max_codepoint=255))
"""What a header may hold: octets, read as Latin-1."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
CLAIMS = ("iss", "sub", "exp", "nbf", "iat", "jti", "body")


def check(signature: str) -> Verified | Rejected:
    now = time.time_ns() // 1000
    return verify(signature, BODY, url=URL, keys=[("current", CURRENT)], now=now)


def valid() -> str:
    return signed(claims_for(URL, BODY), CURRENT)


@given(HEADER_TEXTS)
def test_any_text_is_refused(text: str) -> None:
    assert isinstance(check(text), Rejected)


@given(HEADER_TEXTS, HEADER_TEXTS)
def test_any_text_around_a_valid_signature_spoils_it(before: str, after: str) -> None:
    assert isinstance(check(before + valid() + after), Verified) == (not before + after)


@given(st.sampled_from(CLAIMS), JSON)
def test_a_claim_of_any_kind_is_judged_and_never_an_error(name: str, value: Any) -> None:
    token = jwt.api_jws.encode(json.dumps({**claims_for(URL, BODY), name: value}).encode(), CURRENT)

    outcome = check(token)

    if isinstance(outcome, Verified):
        assert accepted_by_the_sdk(token)


@given(st.integers(0, 31), st.integers(1, 255))
def test_a_seal_with_any_octet_changed_is_bad(at: int, by: int) -> None:
    signed_part, _, seal = valid().rpartition(".")
    octets = bytearray(base64.urlsafe_b64decode(seal + "=="))
    octets[at] ^= by

    outcome = check(f"{signed_part}.{base64.urlsafe_b64encode(octets).rstrip(b'=').decode()}")

    assert isinstance(outcome, Rejected)
    assert outcome.reason == "bad"


def accepted_by_the_sdk(token: str) -> bool:
    receiver = Receiver(current_signing_key=CURRENT, next_signing_key=CURRENT)
    try:
        receiver.verify(signature=token, body=BODY.decode(), url=URL)
    except SignatureError:
        return False
    return True
