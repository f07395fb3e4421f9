"""What the feed answers, and when: the words of the served description."""

from service.web import examples
from service.web.described import (
    BUSY,
    EVENT_STREAM,
    Answer,
    described,
    json_of,
    problem_answer,
    text,
)

UNKNOWN = {
    "type": "object",
    "description": "A document that nobody has heard of yet.",
    "required": ["id", "status", "final", "position"],
    "properties": {
        "id": {"type": "string"},
        "status": {"const": "unknown"},
        "final": {"const": False},
        "position": {"const": 0},
    },
}
CHANGES = {
    "type": "object",
    "description": "What changed since the cursor; after a `reset`, or without one, all of it.",
    "required": ["id", "reset", "docs", "more"],
    "properties": {
        "id": {"type": "string", "description": "The cursor to come back with."},
        "reset": {
            "enum": [None, "epoch", "diverged", "ahead", "malformed", "lagged", "too_far"],
            "description": "Why what was known may be wrong; forget what `docs` does not name.",
        },
        "docs": {
            "type": "array",
            "items": {"anyOf": [{"$ref": "#/components/schemas/DocumentView"}, UNKNOWN]},
        },
        "more": {"type": "boolean", "description": "There are older documents than these."},
    },
}

STREAMED = described(
    Answer(
        200,
        "A stream of the events `hello`, `reset`, `snapshot`, `status`, `beat`, `busy`, `bye` and "
        "`end`; `status` and the `docs` of `snapshot` carry documents as `DocumentView` has them.",
        (text(examples.STREAM, EVENT_STREAM),),
    ),
    Answer(204, "With `until=done`: the cursor already covers the end of all documents."),
    problem_answer(
        406,
        "`Accept` leaves no room for a stream of events.",
        title="Not acceptable",
        detail="This is a stream of events: accept text/event-stream, or use /v1/feed/poll.",
    ),
    problem_answer(
        429,
        "Too many streams. Only for clients that send `Feed-Client`; an `EventSource`, which would "
        "give up, gets a 200 with the event `busy`.",
        title="Too many streams",
        detail="No stream is free now (client_limit); come back in 23 seconds.",
    ),
    BUSY,
)
POLLED = described(
    Answer(200, "What changed.", (json_of(CHANGES, examples.POLL),), ("ETag",)),
    Answer(304, "Nothing: `If-None-Match` has the cursor of now.", (), ("ETag",)),
    BUSY,
)
