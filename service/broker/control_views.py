"""Groups, schedules, queues and flow-control keys as the JSON that QStash's SDKs read (pure)."""

from collections.abc import Mapping

from service.broker import headers
from service.broker.callbacks import grouped
from service.broker.flow import FlowState
from service.broker.groups import Group
from service.broker.message import Message, State
from service.broker.queues import Queue
from service.broker.schedules import Schedule
from service.broker.views import (
    Object,
    body_fields,
    callback_fields,
    flow_fields,
    label_fields,
    redacted,
)

__all__ = ["flow_object", "group_object", "queue_object", "schedule_object"]

_OUTCOMES = {
    State.DELIVERED: "SUCCESS",
    State.FAILED: "FAIL",
    State.CANCELED: "FAIL",
}


def group_object(group: Group) -> Object:
    """What `GET /v2/topics/{name}` answers."""
    view: Object = {
        "name": group.name,
        "createdAt": group.created_at // 1000,
        "updatedAt": group.updated_at // 1000,
        "endpoints": [
            {"url": one.url} if one.name is None else {"url": one.url, "name": one.name}
            for one in group.endpoints
        ],
    }
    if group.defaults:
        view["headers"] = {
            headers.canonical(name): values for name, values in grouped(group.defaults).items()
        }
    return view


def queue_object(queue: Queue) -> Object:
    """What `GET /v2/queues/{name}` answers."""
    return {
        "name": queue.name,
        "parallelism": queue.parallelism,
        "paused": queue.paused,
        "createdAt": queue.created_at // 1000,
        "updatedAt": queue.updated_at // 1000,
        "lag": queue.lag,
    }


def flow_object(state: FlowState) -> Object:
    """What `GET /v2/flowControl/{key}` answers; 0 stands for no limit, as every field is there."""
    return {
        "flowControlKey": state.key,
        "waitListSize": state.waiting,
        "parallelismMax": state.parallelism or 0,
        "parallelismCount": state.active,
        "rateMax": state.rate or 0,
        "rateCount": state.rate_count,
        "ratePeriod": state.period,
        "ratePeriodStart": state.period_start // 1_000_000,
        "isPaused": state.paused,
        "isPinnedParallelism": state.pinned_parallelism,
        "isPinnedRate": state.pinned_rate,
    }


def schedule_object(schedule: Schedule, states: Mapping[str, State]) -> Object:
    """What `GET /v2/schedules/{id}` answers; `states` has those of the messages it made last."""
    request = headers.read(schedule.headers)
    # As the message that a trigger would make now, so that it shows and hides the same.
    shown = redacted(
        Message(
            id="",
            url=schedule.destination,
            headers=request.headers,
            body=schedule.body,
            options=request.options,
            created_at=schedule.created_at,
            not_before=0,
            due_at=0,
        )
    )
    options = shown.options
    told: Object = {
        "queueName": schedule.queue,
        "callerIP": schedule.caller_ip,
        "callerIp": schedule.caller_ip,
        "delay": request.delay or None,
        "timeout": options.timeout,
        "retryDelayExpression": options.retry_delay,
        "lastScheduleTime": _milliseconds(schedule.last_at),
        "nextScheduleTime": _milliseconds(schedule.next_at),
        "error": schedule.error,
    }
    view: Object = {
        "scheduleId": schedule.id,
        "cron": schedule.cron,
        "destination": schedule.destination,
        "createdAt": schedule.created_at // 1000,
        "method": options.method,
        "retries": options.retries,
        "isPaused": schedule.paused,
        "header": grouped(shown.headers),
        **body_fields("body", shown.body),
        **callback_fields("callback", "callbackHeader", options.callback),
        **callback_fields("failureCallback", "failureCallbackHeader", options.failure_callback),
        **flow_fields(shown),
        **label_fields(shown),
        **{name: value for name, value in told.items() if value is not None},
    }
    if schedule.last_messages:
        view["lastScheduleStates"] = {
            name: _OUTCOMES.get(states[name], "IN_PROGRESS")
            for name in schedule.last_messages
            if name in states
        }
    return view


def _milliseconds(at: int | None) -> int | None:
    return None if at is None else at // 1000
