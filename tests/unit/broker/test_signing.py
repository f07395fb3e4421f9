"""The signature, checked with the official receiver and by hand."""

import base64
import hashlib

import jwt
import pytest
from msgspec.structs import replace
from qstash import Receiver
from qstash.errors import SignatureError

from service.broker.message import Message, Options
from service.broker.signing import SigningKeys, delivery_headers, rotated, sign
from service.clock import system_clock
from tests.fakes import START

KEY = "sig_" + "a" * 32
MESSAGE = Message(
    id="msg_1",
    url="https://example.com/a?b=1",
    headers=(("Content-Type", "text/plain"),),
    body=b"hello",
    options=Options(),
    created_at=START,
    not_before=START,
    due_at=START,
    retried=2,
    caller_ip="10.0.0.1",
)


def test_the_claims_are_those_of_qstash() -> None:
    token = sign(MESSAGE, key=KEY, at=START)

    claims = jwt.decode(
        token, KEY, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert claims == {
        "iss": "Upstash",
        "sub": "https://example.com/a?b=1",
        "iat": 1_735_689_600,
        "nbf": 0,
        "exp": 1_735_689_900,
        "jti": f"jwt_msg_1_{START}",
        "body": base64.urlsafe_b64encode(hashlib.sha256(b"hello").digest()).decode(),
    }
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}


@pytest.mark.parametrize("body", [b"hello", b"", "ä€".encode()])
def test_the_official_receiver_accepts_it_with_either_key(body: bytes) -> None:
    message = replace(MESSAGE, body=body)
    token = sign(message, key=KEY, at=system_clock())

    for receiver in (Receiver(KEY, "sig_" + "b" * 32), Receiver("sig_" + "b" * 32, KEY)):
        receiver.verify(signature=token, body=body.decode(), url=message.url)


def test_the_official_receiver_refuses_another_body_or_key() -> None:
    token = sign(MESSAGE, key=KEY, at=system_clock())

    with pytest.raises(SignatureError):
        Receiver(KEY, KEY).verify(signature=token, body="other", url=MESSAGE.url)
    with pytest.raises(SignatureError):
        Receiver("sig_" + "b" * 32, "sig_" + "c" * 32).verify(signature=token, body="hello")


def test_rotation_moves_the_next_key_up() -> None:
    assert rotated(SigningKeys(current="a", next="b"), "c") == SigningKeys(current="b", next="c")


def test_a_forwarded_header_wins_over_a_default_but_never_over_ours() -> None:
    message = replace(
        MESSAGE,
        headers=(
            ("User-Agent", "mine"),
            ("Upstash-Signature", "forged"),
            ("Content-Length", "999"),
            ("X-Own", "1"),
        ),
    )

    headers = delivery_headers(message, "signature")

    assert headers == (
        ("User-Agent", "mine"),
        ("X-Own", "1"),
        ("Upstash-Signature", "signature"),
        ("Upstash-Message-Id", "msg_1"),
        ("Upstash-Retried", "2"),
        ("Upstash-Caller-Ip", "10.0.0.1"),
    )
