"""Lets signed requests in, and nothing else; why one was refused is for our log alone."""

import structlog

from service.clock import Clock
from service.metrics import Metrics
from service.signing_keys import SigningKeys
from service.web.requests import WebRequest
from service.web.signature import Rejected, Verified, verify

log = structlog.get_logger(__name__)


class Doorkeeper:
    """Checks requests against QStash's keys and our own public address."""

    def __init__(
        self, keys: SigningKeys, *, public_url: str, clock: Clock, metrics: Metrics
    ) -> None:
        self._keys = keys
        self._public_url = public_url
        self._clock = clock
        self._metrics = metrics

    async def check(self, request: WebRequest, path: str, body: bytes) -> Verified | None:
        """The signature's facts; ``None`` if it is not valid, which is logged with its reason."""
        signature = request.headers.get("upstash-signature")
        outcome = self._verify(signature, path, body)
        if isinstance(outcome, Rejected) and outcome.reason == "bad" and await self._keys.renew():
            outcome = self._verify(signature, path, body)
        if isinstance(outcome, Verified):
            return outcome
        self._metrics.signature_rejections.labels(outcome.reason).inc()
        client = request.client.host if request.client else "unknown"
        log.warning(
            "a request was refused for its signature",
            reason=outcome.reason,
            detail=outcome.detail,
            path=path,
            client=client,
        )
        return None

    def _verify(self, signature: str | None, path: str, body: bytes) -> Verified | Rejected:
        return verify(
            signature,
            body,
            url=self._public_url + path,
            keys=self._keys.pairs(),
            now=self._clock(),
        )
