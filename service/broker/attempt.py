"""One attempt: signed when it is sent, within its time; a surprise is an answer too."""

import logging
from collections.abc import Callable

from service.broker.client import Sender
from service.broker.message import Message
from service.broker.outcome import Answer, NoAnswer
from service.broker.signing import delivery_headers, sign

__all__ = ["Attempt"]

log = logging.getLogger(__name__)


class Attempt:
    """Sends messages; `timeout` is the longest an attempt may take, in seconds."""

    def __init__(self, *, sender: Sender, signing_key: Callable[[], str], timeout: float) -> None:
        self._sender = sender
        self._signing_key = signing_key
        self._timeout = timeout

    async def __call__(self, message: Message, at: int) -> Answer | NoAnswer:
        """What the destination answers to a message that is sent now."""
        try:
            signature = sign(message, key=self._signing_key(), at=at)
            return await self._sender.send(
                method=message.options.method,
                url=message.url,
                headers=delivery_headers(message, signature),
                body=message.body,
                seconds=min(self._timeout, message.options.timeout or self._timeout),
            )
        except Exception as error:  # a surprise must cost one attempt, not a worker
            log.exception("an attempt could not be made", extra={"message_id": message.id})
            return NoAnswer(reason=f"the broker could not make the request: {error}"[:1000])
