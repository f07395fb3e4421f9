"""Uploads a PDF with httpx and waits for its end without a stream, in one request at a time.

usage: .venv/bin/python examples/upload_and_wait.py FILE.pdf [http://HOST:PORT]
"""

import sys
from pathlib import Path

import httpx

USUAL_SERVER = "http://127.0.0.1:8321"
MOST_QUESTIONS = 100


def upload(server: httpx.Client, file: Path) -> str:
    """The document's id; with an Idempotency-Key this could be repeated safely."""
    answer = server.post(
        "/v1/documents",
        content=file.read_bytes(),
        params={"name": file.name},
        headers={"Content-Type": "application/pdf"},
    )
    answer.raise_for_status()
    return str(answer.json()["document"]["id"])


def wait_for(server: httpx.Client, document_id: str) -> dict[str, object]:
    """The final state. Each answer comes when something has changed, or after 25 seconds."""
    cursor = ""
    for _ in range(MOST_QUESTIONS):
        answer = server.get(
            "/v1/feed/poll", params={"doc": document_id, "wait": "25", "last_event_id": cursor}
        )
        answer.raise_for_status()
        cursor = answer.json()["id"]
        for document in answer.json()["docs"]:
            if document["final"]:
                return dict(document)
    raise TimeoutError(f"{document_id} has not ended after {MOST_QUESTIONS} questions")


def main() -> None:
    file, address = Path(sys.argv[1]), (sys.argv[2:] or [USUAL_SERVER])[0]
    with httpx.Client(base_url=address, timeout=60) as server:
        document = wait_for(server, upload(server, file))
    if document["status"] != "succeeded":
        sys.exit(f"{document['name']}: {document['status']}: {document['error']}")
    print(f"{document['name']}: {document['status']}, pages: {document['pages_total']}")


if __name__ == "__main__":
    main()
