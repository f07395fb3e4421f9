"""Somebody's own site with live badges: it serves a page, and hands the feed and the kit through.

usage: python examples/watch_in_browser/site.py [http://HOST:PORT [FILE_WITH_THE_TOKEN]]

The browser talks to this site alone, so the token of Waybill's API stays here, and there is no
question of cross-origin requests. A site of yours would also check whose documents may be seen.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

USUAL_SERVER = "http://127.0.0.1:8321"
PAGE = Path(__file__).with_name("index.html")
THROUGH = ("/v1/feed", "/static/document-status.")
PASSED_ON = ("Last-Event-ID", "Feed-Client", "Accept")
LONGEST_SILENCE = 60


class Site(ThreadingHTTPServer):
    """A thread for each browser, and one client for all of them."""

    def __init__(self, server: str, token: str | None) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.waybill = httpx.Client(base_url=server, headers=headers, timeout=LONGEST_SILENCE)


class Visit(BaseHTTPRequestHandler):
    """Two things can be had: the page, and what comes from Waybill."""

    server: Site

    def do_GET(self) -> None:
        """Answer a browser."""
        if self.path.startswith(THROUGH):
            self._hand_through()
        elif self.path.split("?")[0] == "/":
            self._answer(200, "text/html; charset=utf-8")
            self.wfile.write(PAGE.read_bytes())
        else:
            self.send_error(404)

    def _hand_through(self) -> None:
        headers = {name: self.headers[name] for name in PASSED_ON if self.headers[name]}
        with self.server.waybill.stream("GET", self.path, headers=headers) as found:
            self._answer(found.status_code, found.headers.get("Content-Type", ""))
            # What has come goes on at once: a stream that is held back is no stream.
            for piece in found.iter_bytes():
                self.wfile.write(piece)

    def _answer(self, status: int, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def main(server: str = USUAL_SERVER, token_file: str | None = None) -> None:
    """Serve until Ctrl-C."""
    token = Path(token_file).read_text().strip() if token_file else None
    with Site(server, token) as site:
        print(f"open http://127.0.0.1:{site.server_address[1]}/?doc=ID", flush=True)
        site.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
