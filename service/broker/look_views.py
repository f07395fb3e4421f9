"""What the broker's page is told, as JSON, in the names that QStash uses where it has some (pure).

Keys without a value are absent, never null. What a publisher asked to redact shows as a hash.
"""

import base64
import codecs

from service.broker.browsing import Glance, Listing
from service.broker.callbacks import grouped, origin
from service.broker.message import Message, Place
from service.broker.overview import Overview
from service.broker.settlement import LOGGED_BODY, LOGGED_WHEN_DELIVERED, dead_letter_name
from service.broker.signing import delivery_headers
from service.broker.stories import Story, Try
from service.broker.views import Object, callback_fields, flow_fields, label_fields, redacted

__all__ = ["listing_object", "overview_object", "story_object"]

LARGEST_BODY = 64 * 1024
"""What is shown of a body at most."""

_EACH_TIME = {"Upstash-Signature", "Upstash-Retried"}
_WAITS_FOR = {
    Place.QUEUED: "queue",
    Place.PARKED: "flowControl",
    Place.ASIDE: "destination",
}


def overview_object(
    overview: Overview, *, now: int, may_write: bool, misbehaving: str | None = None
) -> Object:
    """What `GET /waybill/v1/overview` answers."""
    counts = {
        "waiting": overview.waiting,
        "active": overview.active,
        "retrying": overview.retrying,
        "deadLetters": overview.dead_letters,
    }
    ended = {
        "delivered": overview.ended["DELIVERED"],
        "failed": overview.ended["FAILED"],
        "cancelled": overview.ended["CANCELED"],
    }
    names = {"dead_letters": ["deadLetters"], "ended": list(ended)}
    at_least = [shown for name in sorted(overview.beyond) for shown in names.get(name, [name])]
    view: Object = {
        "time": now // 1000,
        "mayWrite": may_write,
        "counts": counts,
        "lastHour": ended,
        "atLeast": at_least,
    }
    if misbehaving is not None:
        view["misbehaving"] = misbehaving
    if overview.newest_dead_letter is not None:
        view["newestDlqId"] = dead_letter_name(overview.newest_dead_letter)
    return view


def listing_object(listing: Listing, *, now: int) -> Object:
    """What `GET /waybill/v1/messages` answers."""
    view: Object = {"messages": [_glance_object(one, now) for one in listing.found]}
    if listing.next is not None:
        view["cursor"] = "{}-{}".format(*listing.next)
    return view


def story_object(story: Story, *, now: int) -> Object:
    """What `GET /waybill/v1/messages/{id}` answers."""
    shown = redacted(story.message)
    options = shown.options
    view: Object = {
        "messageId": shown.id,
        "state": story.condition.value,
        **_waits_for(story.place, shown.due_at, now),
        "url": shown.url,
        "method": options.method,
        "createdAt": shown.created_at // 1000,
        "notBefore": shown.not_before // 1000,
        "retried": shown.retried,
        "maxRetries": options.retries,
        **_times(story.place, shown.due_at, story.finished_at),
        **origin(shown),
        **flow_fields(shown),
        **label_fields(shown),
        **callback_fields("callback", "callbackHeader", options.callback),
        **callback_fields("failureCallback", "failureCallbackHeader", options.failure_callback),
        "cancelRequested": story.cancel_requested,
        "request": _request(shown, forgotten=story.forgotten),
        "attempts": [_attempt(one) for one in story.attempts],
        "log": [{"time": one.at // 1000, "state": one.state.value} for one in story.moments],
    }
    if options.retry_delay is not None:
        view["retryDelayExpression"] = options.retry_delay
    if options.timeout is not None:
        view["timeout"] = options.timeout
    if shown.caller_ip:
        view["callerIP"] = shown.caller_ip
    if story.dead_letter is not None:
        view["dlqId"] = dead_letter_name(story.dead_letter)
    return view


def _glance_object(glance: Glance, now: int) -> Object:
    options = glance.options
    view: Object = {
        "messageId": glance.id,
        "state": glance.condition.value,
        **_waits_for(glance.place, glance.due_at, now),
        "url": glance.url,
        "method": options.method,
        "createdAt": glance.created_at // 1000,
        "retried": glance.retried,
        "maxRetries": options.retries,
        "size": glance.size,
        **_times(glance.place, glance.due_at, glance.finished_at),
    }
    told = {
        "queueName": options.queue,
        "topicName": options.group,
        "scheduleId": options.schedule,
        "flowControlKey": options.flow.key if options.flow else None,
        "labels": list(options.labels) or None,
        "error": glance.error,
        "cancelRequested": glance.cancelling or None,
    }
    return view | {name: value for name, value in told.items() if value is not None}


def _waits_for(place: Place, due_at: int, now: int) -> Object:
    """Why nothing is sent yet; nothing for what is in hand or has ended."""
    if place is Place.WAITING:
        return {"waitsFor": "time"} if due_at > now else {}
    return {"waitsFor": _WAITS_FOR[place]} if place in _WAITS_FOR else {}


def _times(place: Place, due_at: int, finished_at: int | None) -> Object:
    if finished_at is not None:
        return {"finishedAt": finished_at // 1000}
    return {"nextDeliveryTime": due_at // 1000} if place is Place.WAITING else {}


def _request(message: Message, *, forgotten: bool) -> Object:
    if forgotten:
        return {"forgotten": True}
    header = grouped(delivery_headers(message, ""))
    return {
        # These two are made anew for each attempt.
        "header": {name: header[name] for name in header if name not in _EACH_TIME},
        **_body(message.body),
    }


def _attempt(one: Try) -> Object:
    view: Object = {"number": one.number, "startedAt": one.started_at // 1000}
    details = one.details
    if one.ended_at is not None:
        view["endedAt"] = one.ended_at // 1000
        view["outcome"] = "delivered" if one.delivered else "failed"
    if details.error is not None:
        view["error"] = details.error
    if one.next_at is not None:
        view["nextDeliveryTime"] = one.next_at // 1000
    if details.status is not None:
        view["answer"] = _answer(one)
    return view


def _answer(one: Try) -> Object:
    details = one.details
    kept = LOGGED_WHEN_DELIVERED if one.delivered else LOGGED_BODY
    answer: Object = {
        "status": details.status,
        "header": grouped(details.headers),
        **_text(details.body, cut=len(details.body) >= kept),
    }
    return answer | ({"cut": True} if len(details.body) >= kept else {})


def _body(raw: bytes) -> Object:
    """The beginning of a body, and how long all of it is."""
    cut = len(raw) > LARGEST_BODY
    view: Object = {"size": len(raw), **_text(raw[:LARGEST_BODY], cut=cut)}
    return view | ({"cut": True} if cut else {})


def _text(raw: bytes, *, cut: bool) -> Object:
    """A body as text, or in base64; nothing when it is empty."""
    if not raw:
        return {}
    try:
        # A character that the cut went through is left out.
        return {"body": codecs.getincrementaldecoder("utf-8")().decode(raw, final=not cut)}
    except UnicodeDecodeError:
        return {"bodyBase64": base64.b64encode(raw).decode("ascii")}
