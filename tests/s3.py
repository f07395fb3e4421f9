"""A real S3 endpoint on loopback for tests: moto's server, in a process of its own."""

import itertools
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from service.storage import ObjectStore, open_storage


@dataclass(frozen=True)
class S3Server:
    endpoint: str
    _serial: Iterator[int] = field(default_factory=itertools.count)

    def open(self, bucket: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
        """The bucket as a person would open it: endpoint and keys are in the environment."""
        monkeypatch.setenv("AWS_ENDPOINT_URL", self.endpoint)
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        return open_storage(f"s3://{bucket}/some/prefix")

    def unfinished_uploads(self, bucket: str) -> int:
        with _direct.open(f"{self.endpoint}/{bucket}?uploads", timeout=30) as answer:
            return int(answer.read().count(b"<UploadId>"))

    def new_bucket(self) -> str:
        name = f"waybill-{next(self._serial)}"
        request = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")
        with _direct.open(request, timeout=30):
            return name


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
"""It takes a free port, says which, and ends when the test run does, however that ends."""


@contextmanager
def started_s3() -> Iterator[S3Server]:
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError("the S3 server ended before it was ready")
        yield S3Server(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.communicate()
