"""The HTTP surface, one module per module of the `qstash` SDK."""

from litestar import Router

from service.broker.api import (
    batch,
    dlq,
    flow_control,
    log,
    message,
    publish,
    queue,
    schedule,
    signing_key,
    url_group,
)

__all__ = ["routes"]


def routes(*, largest_message: int, largest_batch: int) -> list[Router]:
    """All routes; every one of them wants the token."""
    return [
        publish.router(largest_message),
        batch.router(largest_batch, largest_message=largest_message),
        message.router(),
        queue.enqueue_router(largest_message),
        queue.router(),
        flow_control.router(),
        url_group.router(),
        schedule.router(largest_message),
        dlq.router(),
        log.router(),
        signing_key.router(),
    ]
