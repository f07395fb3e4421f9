"""What we answer QStash, as values.

The statuses and headers follow QStash's rules: any 2xx ends the message, ``Retry-After`` sets the
next delivery (up to a day), and 489 with ``Upstash-NonRetryable-Error`` gives the message up.
"""

import msgspec

SECOND = 1_000_000


class Answer(msgspec.Struct, frozen=True):
    """An HTTP status, and the delay in whole seconds after which QStash should come again."""

    status: int
    reason: str
    retry_after_s: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The response headers that QStash acts upon."""
        if self.status == 489:
            return {"Upstash-NonRetryable-Error": "true"}
        if self.retry_after_s is not None:
            return {"Retry-After": str(self.retry_after_s)}
        return {}


ACKNOWLEDGED = Answer(200, "done")


def try_again(delay: int, reason: str) -> Answer:
    """Come back after ``delay`` microseconds, rounded up to a whole second."""
    return Answer(503, reason, retry_after_s=max(0, -(-delay // SECOND)))


def give_up(reason: str) -> Answer:
    """Do not come back: straight to the dead letter queue."""
    return Answer(489, reason)


# QStash keeps what it is answered; an error's text may quote the document, and stays with us.
FAILED = give_up("the document failed; its history says why")
