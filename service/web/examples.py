"""What answers look like, for the description and the reference page; a test holds them true."""

from typing import Any

DOCUMENT_ID = "doc_01m83dvewjezsvhxzt7xjrmacc"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

PROCESSING: dict[str, Any] = {
    "id": DOCUMENT_ID,
    "owner": "ada",
    "name": "report.pdf",
    "status": "processing",
    "final": False,
    "delivery": "active",
    "heard_at": "2026-11-23T03:14:20.184112Z",
    "run": 1,
    "attempt": 1,
    "attempts": 4,
    "pages_done": 12,
    "pages_total": 40,
    "error": None,
    "error_code": None,
    "retry_at": None,
    "cancel_requested": False,
    "position": 18422,
    "created_at": "2026-11-23T03:14:19.902731Z",
    "updated_at": "2026-11-23T03:14:21.310554Z",
    "processor": "pdf-text",
    "content_type": "application/pdf",
    "bytes": 184223,
    "sha256": SHA256,
}

QUEUED: dict[str, Any] = {
    **PROCESSING,
    "status": "queued",
    "delivery": None,
    "heard_at": None,
    "attempt": 0,
    "attempts": 0,
    "pages_done": 0,
    "pages_total": 0,
    "position": 18416,
    "updated_at": "2026-11-23T03:14:19.902731Z",
}

RUN_AGAIN: dict[str, Any] = {**QUEUED, "run": 2, "position": 18460}

CANCELLED: dict[str, Any] = {
    **QUEUED,
    "status": "cancelled",
    "final": True,
    "cancel_requested": True,
    "position": 18461,
}

ERASED: dict[str, Any] = {
    **CANCELLED,
    "owner": "erased",
    "name": "erased",
    "sha256": None,
    "position": 18462,
    "erasure": "begun",
}

ACCEPTED: dict[str, Any] = {"document": QUEUED, "position": 18416}

PAGE: dict[str, Any] = {"documents": [PROCESSING], "next": None, "position": 18422}

HISTORY: dict[str, Any] = {
    "document_id": DOCUMENT_ID,
    "events": [
        {
            "position": 18416,
            "stream": f"document-{DOCUMENT_ID}",
            "version": 1,
            "type": "document_registered",
            "occurred_at": "2026-11-23T03:14:19.902612Z",
            "recorded_at": "2026-11-23T03:14:19.902731Z",
            "data": {
                "blob_ref": f"documents/{DOCUMENT_ID}",
                "bytes": 184223,
                "content_type": "application/pdf",
                "document_id": DOCUMENT_ID,
                "name": "report.pdf",
                "owner": "ada",
                "processor": "pdf-text",
                "received_at": 1795403659902612,
                "sha256": SHA256,
                "source": "upload",
            },
            "text": "report.pdf was received.",
        }
    ],
}
HISTORY_TEXT = "2026-11-23T03:14:19.902731Z  report.pdf was received.\n"

QUEUE: dict[str, Any] = {
    "position": 18422,
    "waiting": 3,
    "oldest_waiting": "2026-11-23T03:14:02.000000Z",
    "oldest_waiting_id": DOCUMENT_ID,
    "in_flight": 2,
    "retrying": 0,
    "failed": 1,
    "succeeded": 812,
    "cancelled": 0,
    "waiting_p50_ms": 41,
    "waiting_p95_ms": 380,
    "processing_p50_ms": 212,
    "processing_p95_ms": 1840,
    "minutes": [
        {
            "minute": "2026-11-23T03:14:00.000000Z",
            "received": 5,
            "started": 4,
            "succeeded": 3,
            "failed": 0,
            "retried": 0,
        }
    ],
}

HEAD: dict[str, Any] = {
    "position": 18422,
    "recorded_at": "2026-11-23T03:14:21.310554Z",
    "chain": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    "epoch": "82e55d20",
}

PROJECTIONS: dict[str, Any] = {
    "projections": [
        {
            "name": "documents",
            "version": 1,
            "status": "stale",
            "build": 0,
            "position": 18422,
            "lag": 0,
            "rebuild": {"build": 1, "position": 9000},
            "failed": None,
            "stale_since": None,
            "error": None,
            "needs_rebuild": False,
            "rows_set_aside": 1,
            "set_aside": [
                {"key": DOCUMENT_ID, "position": 17001, "error": "ValueError: a fold that fails"}
            ],
            "notes": [
                "The projection documents has set 1 of its rows aside, first "
                f"{DOCUMENT_ID} at position 17001: ValueError: a fold that fails. These rows are "
                "stale; correct its fold, then `waybill rebuild documents`."
            ],
        }
    ],
    "position": 18422,
}
ROWS: dict[str, Any] = {
    "name": "queue_minutes",
    "version": 1,
    "position": 18422,
    "rows": [{"key": "29731394", "state": {"minute": 29731394, "received": 5, "started": 4}}],
    "next": "29731394",
}
REBUILD: dict[str, Any] = {"build": 1, "position": 0}

HEALTH: dict[str, Any] = {
    "status": "ok",
    "reasons": [],
    "version": "0.1.0",
    "position": 18422,
    "projections": {"documents": 18422, "queue_minutes": 18422},
    "broker": "embedded",
}
STOPPING: dict[str, Any] = {**HEALTH, "status": "stopping"}

CURSOR = "82e55d20-18422-91f143"
POLL: dict[str, Any] = {"id": CURSOR, "reset": None, "docs": [PROCESSING], "more": False}
STREAM = (
    'event: hello\ndata: {"v":1,"epoch":"82e55d20","head":18422,"beat":15,"max_age":840,'
    '"mode":"state"}\nretry: 3120\n\n'
    f'event: status\ndata: {{"id":"{DOCUMENT_ID}","status":"processing",...}}\nid: {CURSOR}\n\n'
)
