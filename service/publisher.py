"""Hands work to QStash, and asks it back: the one door to the ``qstash`` SDK for sending.

The SDK would try for half a minute; here every call has a deadline, and what became of it
is a value: taken, refused, or unknown. Trying again is the dispatcher's business.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import httpx
import msgspec
from qstash import AsyncQStash
from qstash.errors import (
    DailyMessageLimitExceededError,
    QStashError,
    RateLimitExceededError,
)
from qstash.message import BatchRequest

T = TypeVar("T")

DEADLINE_SECONDS = 10.0
"""The longest that a call may take."""
UNANSWERED_RETRY_DELAY = "min(3600000, 1000 * pow(3, retried))"
"""When QStash comes again after a delivery that nobody answered (milliseconds): 1, 3, 9, 27 s, ...
Its own back-off (12 s, 2 min, 30 min, 6 h) is for strangers; we were only restarted. What we do
answer says itself when to come again."""
MESSAGE_LIMIT = 500
"""Characters of QStash's error text that are kept."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One document to publish."""

    document_id: str
    run: int
    publish_no: int
    dedup_id: str
    flow_key: str
    parallelism: int


class Published(msgspec.Struct, frozen=True):
    """QStash has the message."""

    message_id: str
    deduplicated: bool


class NotPublished(msgspec.Struct, frozen=True):
    """QStash has not; or we do not know (``ambiguous``), and it may deliver it all the same."""

    error_class: str
    message: str
    http_status: int | None
    ambiguous: bool
    unreachable: bool


class Unreachable(Exception):
    """QStash did not answer a question."""


class Publisher:
    """QStash, as the dispatcher needs it."""

    def __init__(
        self,
        *,
        url: str | None,
        token: str,
        process_url: str,
        failed_url: str,
        retries: int,
        timeout_seconds: int,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self.process_url = process_url
        self.retries = retries
        self._failed_url = failed_url
        self._timeout = timeout_seconds
        self._deadline = deadline_seconds
        self._client = AsyncQStash(token, base_url=url, retry=False)

    async def publish(self, jobs: Sequence[Job]) -> list[Published | NotPublished]:
        """Publish the jobs, together if there are several; an outcome for each."""
        if len(jobs) == 1:
            return [await self._publish_one(jobs[0])]
        requests = [self._request(job) for job in jobs]
        try:
            answers = await self._in_time(self._client.message.batch(requests))
        except KeyError:
            # The SDK cannot read an answer in which one job was refused. Alone each has its own
            # answer, and whatever was taken already is recognised by its deduplication id.
            return [await self._publish_one(job) for job in jobs]
        except Exception as error:
            outcome = _not_published(error)
            return [outcome for _ in jobs]
        return [_published(answer) for answer in answers]

    async def withdraw(self, message_id: str) -> bool:
        """Ask QStash not to deliver the message; ``False`` if it does not know it any more."""
        return await self._known(self._client.message.cancel(message_id))

    async def has_message(self, message_id: str) -> bool:
        """Whether QStash still means to deliver the message; raises ``Unreachable``."""
        return await self._known(self._client.message.get(message_id))

    async def remove_dead_letter(self, dlq_id: str) -> bool:
        """Remove a dead letter; ``False`` if there is none; raises ``Unreachable``."""
        return await self._known(self._client.dlq.delete(dlq_id))

    async def signing_keys(self) -> tuple[str, str]:
        """QStash's current and next signing key; raises ``Unreachable``."""
        try:
            keys = await self._in_time(self._client.signing_key.get())
        except (QStashError, httpx.HTTPError, TimeoutError) as error:
            raise Unreachable(_text(error)) from error
        return keys.current, keys.next

    async def _known(self, call: Awaitable[Any]) -> bool:
        try:
            await self._in_time(call)
        except QStashError as error:
            if _status(error) == 404:
                return False
            raise Unreachable(_text(error)) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unreachable(_text(error)) from error
        return True

    async def _publish_one(self, job: Job) -> Published | NotPublished:
        try:
            answer = await self._in_time(self._client.message.batch([self._request(job)]))
        except Exception as error:
            return _not_published(error)
        return _published(answer[0])

    async def _in_time(self, call: Awaitable[T]) -> T:
        async with asyncio.timeout(self._deadline):
            return await call

    def _request(self, job: Job) -> BatchRequest:
        # Not the SDK's batch_json: it drops the retry delay.
        return {
            "url": self.process_url,
            "body": json.dumps({"document_id": job.document_id, "run": job.run}),
            "content_type": "application/json",
            "retries": self.retries,
            "retry_delay": UNANSWERED_RETRY_DELAY,
            "timeout": self._timeout,
            "failure_callback": self._failed_url,
            "deduplication_id": job.dedup_id,
            "label": job.document_id,
            "flow_control": {"key": job.flow_key, "parallelism": job.parallelism},
        }


def _published(answer: Any) -> Published:
    return Published(answer.message_id, bool(answer.deduplicated))


def _not_published(error: Exception) -> NotPublished:
    status = _status(error)
    unreachable = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    refused = status is not None and status < 500
    return NotPublished(
        error_class=type(error).__name__,
        message=_text(error),
        http_status=status,
        ambiguous=not (unreachable or refused),
        unreachable=unreachable,
    )


_STATUS = re.compile(r"failed with status: (\d{3})")


def _status(error: Exception) -> int | None:
    """The HTTP status of a refusal, which the SDK keeps only in its text."""
    if isinstance(error, RateLimitExceededError | DailyMessageLimitExceededError):
        return 429
    found = _STATUS.search(str(error))
    return int(found.group(1)) if found else None


def _text(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:MESSAGE_LIMIT]
