"""The HTTP surface, one module per module of the `qstash` SDK; `look` and `page` are for people."""

from collections.abc import Callable, Mapping
from typing import Any

from litestar import Router
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler

from service.broker.api import (
    batch,
    dlq,
    flow_control,
    log,
    look,
    message,
    page,
    publish,
    queue,
    schedule,
    signing_key,
    url_group,
)
from service.broker.api.answers import Check, burst_guard, guard_of, with_limits
from service.broker.rates import Burst

__all__ = ["routes"]


def routes(
    *,
    check: Check,
    may_write: Callable[[Mapping[str, Any]], bool],
    misbehaving: str | None,
    largest_message: int,
    largest_batch: int,
    burst: Burst | None,
) -> list[Router | ASGIRouteHandler | HTTPRouteHandler]:
    """All routes; `check` looks at the token that each of them wants but the page's own files.

    `burst` limits those of a second that QStash limits, which is everything but publishing.
    """
    guard = guard_of(check)
    others = [
        message.router(),
        queue.router(),
        flow_control.router(),
        url_group.router(),
        schedule.router(largest_message),
        dlq.router(),
        log.router(),
        signing_key.router(),
    ]
    return [
        *page.handlers(),
        *publish.routes(check, largest_message),
        batch.route(check, largest_batch, largest_message=largest_message),
        Router(
            "/", route_handlers=[look.router(may_write, misbehaving=misbehaving)], guards=[guard]
        ),
        Router(
            "/",
            route_handlers=others,
            guards=[guard] if burst is None else [guard, burst_guard(burst)],
            middleware=[] if burst is None else [with_limits],
        ),
    ]
