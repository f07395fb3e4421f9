"""A destination in a thread, for tests that wait for a browser: answers by the path."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 20.0


@dataclass
class Destination:
    """Answers 200, or what `answers` says for a path; 489 is told to be for good."""

    url: str = ""
    answers: dict[str, int] = field(default_factory=dict)
    gate: threading.Event = field(default_factory=threading.Event)
    """What `/gated` waits for."""


@contextmanager
def listening() -> Iterator[Destination]:
    """A destination that is gone afterwards."""
    there = Destination()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/gated":
                there.gate.wait(PATIENCE)
            status = there.answers.get(self.path, 200)
            body = f"this is {self.path}".encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            if status == 489:
                self.send_header("Upstash-NonRetryable-Error", "true")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    there.url = f"http://127.0.0.1:{server.server_address[1]}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield there
    finally:
        there.gate.set()
        server.shutdown()
        serving.join()
        server.server_close()
