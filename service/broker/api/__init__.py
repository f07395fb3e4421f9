"""The HTTP surface, one module per module of the `qstash` SDK."""

from litestar import Router
from litestar.handlers import ASGIRouteHandler

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
from service.broker.api.answers import Check, guard_of

__all__ = ["routes"]


def routes(
    *, check: Check, largest_message: int, largest_batch: int
) -> list[Router | ASGIRouteHandler]:
    """All routes; every one of them wants the token, which `check` looks at."""
    guarded = [
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
    return [
        publish.mount(check, largest_message),
        Router("/", route_handlers=guarded, guards=[guard_of(check)]),
    ]
