"""Our check of QStash's signature: what it refuses and why, and that the SDK's own agrees."""

import time

import jwt
import pytest
from qstash import Receiver
from qstash.errors import SignatureError

from service.web.signature import LEEWAY_SECONDS, Rejected, Verified, verify
from tests.signing import Claims, claims_for, signed, tampered

CURRENT = "sig_" + "c" * 40
NEXT = "sig_" + "n" * 40
WRONG = "sig_" + "w" * 40
KEYS = [("current", CURRENT), ("next", NEXT)]
URL = "https://waybill.example/v1/qstash/process"
BODY = b'{"document_id": "doc_1", "run": 1}'
NOW = int(time.time())


def check(
    signature: str | None, body: bytes = BODY, *, url: str = URL, now: int = NOW
) -> Verified | Rejected:
    return verify(
        signature,
        body,
        url=url,
        keys=[("current", CURRENT), ("next", NEXT)],
        now=now * 1_000_000,
    )


def claims(**changes: object) -> Claims:
    """Made when this module is loaded, used whenever its tests have their turn."""
    lasting = {"iat": NOW, "nbf": NOW, "exp": NOW + 7200}
    return {**claims_for(URL, BODY), **lasting, **changes}


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_a_request_is_accepted_with_either_key_and_its_facts_are_told(name: str, key: str) -> None:
    told = claims()

    verified = check(signed(told, key))

    assert isinstance(verified, Verified)
    assert verified.key == name
    assert verified.jti == told["jti"]
    assert verified.signed_at == told["iat"] * 1_000_000


REJECTIONS = {
    "missing": None,
    "malformed": "a.b",
    "bad": signed(claims(), WRONG),
    "expired": signed(claims(exp=NOW - LEEWAY_SECONDS - 2), CURRENT),
    "not_yet": signed(claims(nbf=NOW + LEEWAY_SECONDS + 9), CURRENT),
    "wrong_url": signed(claims(sub=URL + "?x"), CURRENT),
    "wrong_issuer": signed(claims(iss="Downstash"), CURRENT),
    "body_mismatch": signed(claims(body="AAAA"), CURRENT),
}


@pytest.mark.parametrize("reason", REJECTIONS)
def test_a_request_is_refused_for_its_own_reason(reason: str) -> None:
    rejected = check(REJECTIONS[reason])

    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason
    assert rejected.detail


@pytest.mark.parametrize("claim", ["iss", "sub", "exp", "nbf", "jti", "body"])
def test_every_claim_is_needed(claim: str) -> None:
    told = claims()
    del told[claim]

    rejected = check(signed(told, CURRENT))

    assert isinstance(rejected, Rejected)
    assert rejected.reason == "malformed"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_only_the_algorithm_of_qstash_is_taken(algorithm: str) -> None:
    other = jwt.encode(claims(), CURRENT * 2, algorithm=algorithm)

    assert isinstance(check(other), Rejected)


def test_a_token_without_a_signature_is_refused() -> None:
    assert isinstance(check(jwt.encode(claims(), "", algorithm="none")), Rejected)


@pytest.mark.parametrize("seconds", [-LEEWAY_SECONDS, 0, LEEWAY_SECONDS])
def test_clocks_may_be_apart_by_the_leeway(seconds: int) -> None:
    told = claims(nbf=NOW, iat=NOW, exp=NOW)

    assert isinstance(check(signed(told, CURRENT), now=NOW + seconds), Verified)


@pytest.mark.parametrize("seconds", [-LEEWAY_SECONDS - 1, LEEWAY_SECONDS + 1])
def test_clocks_may_not_be_further_apart(seconds: int) -> None:
    told = claims(nbf=NOW, iat=NOW, exp=NOW)

    assert isinstance(check(signed(told, CURRENT), now=NOW + seconds), Rejected)


def test_the_hash_of_the_body_may_be_padded_or_not() -> None:
    told = claims()
    bare = {**told, "body": told["body"].rstrip("=")}

    assert isinstance(check(signed(told, CURRENT)), Verified)
    assert isinstance(check(signed(bare, CURRENT)), Verified)


def test_a_body_that_is_no_text_is_verified_as_it_is() -> None:
    body = bytes(range(256))

    told = claims(body=claims_for(URL, body)["body"])

    verified = check(signed(told, CURRENT), body)

    assert isinstance(verified, Verified)


def sdk_accepts(signature: str, body: bytes) -> bool:
    receiver = Receiver(current_signing_key=CURRENT, next_signing_key=NEXT)
    try:
        receiver.verify(signature=signature, body=body.decode(), url=URL)
    except SignatureError:
        return False
    return True


SIGNATURES = {
    "current key": (signed(claims(), CURRENT), BODY),
    "next key": (signed(claims(), NEXT), BODY),
    "another key": (signed(claims(), WRONG), BODY),
    "tampered seal": (tampered(signed(claims(), CURRENT)), BODY),
    "another body": (signed(claims(), CURRENT), BODY + b" "),
    "another URL": (signed(claims(sub="https://example.com"), CURRENT), BODY),
    "another issuer": (signed(claims(iss="Downstash"), CURRENT), BODY),
    "long expired": (signed(claims(exp=NOW - 3600), CURRENT), BODY),
    "far in the future": (signed(claims(nbf=NOW + 3600), CURRENT), BODY),
    "no token": ("nonsense", BODY),
}


@pytest.mark.parametrize("case", SIGNATURES)
def test_the_sdk_s_own_receiver_agrees(case: str) -> None:
    signature, body = SIGNATURES[case]

    assert isinstance(check(signature, body), Verified) == sdk_accepts(signature, body)
