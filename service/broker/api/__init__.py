"""The HTTP surface, one module per module of the `qstash` SDK."""

from litestar import Router

from service.broker.api import batch, dlq, log, message, publish, signing_key

__all__ = ["routes"]


def routes(*, largest_message: int, largest_batch: int) -> list[Router]:
    """All routes; every one of them wants the token."""
    return [
        publish.router(largest_message),
        batch.router(largest_batch, largest_message=largest_message),
        message.router(),
        dlq.router(),
        log.router(),
        signing_key.router(),
    ]
