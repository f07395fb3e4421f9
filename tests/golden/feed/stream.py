"""One message of every kind, as bytes; ``python -m tests.golden.feed.stream`` writes the files."""

from pathlib import Path

from events.document.state import Document, Status
from projections.documents import Tracked
from service.feed import frames

FOLDER = Path(__file__).parent
CURSOR = "k3f9-18422-9ab3c1"
NASTY = 'a\r\nid: evil\n\nevent: "bye"\0\u2028é😀.pdf'


def a_document(*, name: str = "contract.pdf", error: str | None = None) -> Tracked:
    return Tracked(
        document=Document(
            id="doc_01jd",
            blob_ref="blobs/1",
            sha256="00ff",
            bytes=1234,
            name=name,
            owner="ann",
            content_type="application/pdf",
            processor="pdf-text",
            waiting_since=0,
            status=Status.PROCESSING,
            attempt=1,
            attempt_budget=4,
            pages_done=12,
            pages_total=50,
            delivery="active",
            error=error,
        ),
        position=18422,
        first_position=18400,
        created_at=1_795_403_650_000_000,
        updated_at=1_795_403_660_000_000,
        heard_at=1_795_403_659_500_000,
        version=5,
    )


GOLDEN: dict[str, bytes] = {
    "hello": frames.hello(epoch="k3f9", head=18422, beat=15.0, max_age=840, retry=4321),
    "reset": frames.reset("diverged", "k3f9-18000-000000"),
    "snapshot": frames.snapshot(
        [frames.unknown("doc_new"), frames.known(a_document())], CURSOR, more=False
    )[0],
    "status": frames.status(a_document(name=NASTY), CURSOR).data,
    "beat": frames.beat(1_795_403_660, CURSOR),
    "busy": frames.busy("client_limit", 30_000),
    "bye": frames.bye("restart", 2500),
    "end": frames.end(CURSOR),
}


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.txt"


if __name__ == "__main__":
    for name, data in GOLDEN.items():
        path_of(name).write_bytes(data)
