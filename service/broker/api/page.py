"""The page for people: a few files that anybody may have; what it shows needs the token.

Nothing in it comes from elsewhere, nothing in it runs that is not one of these files, and no other
page may frame it.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from litestar import Response, get
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from service.broker.api.requests import BrokerRequest

__all__ = ["handlers"]

PAGE = "index.html"
TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it goes over the wire."""

    content: bytes
    media_type: str
    etag: str


def _read() -> dict[str, Asset]:
    assets = {}
    for file in files("service.broker.api").joinpath("static").iterdir():
        kind = TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            content = file.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:16]
            assets[file.name] = Asset(content, kind, f'"{digest}"')
    return assets


# The names are known before any request comes, so none can lead out of the folder.
ASSETS = _read()


@get("/", media_type=MediaType.HTML)
async def page(request: BrokerRequest) -> Response[bytes]:
    """The page."""
    return _answer(request, ASSETS[PAGE])


@get("/static/{name:str}")
async def static(request: BrokerRequest, name: FromPath[str]) -> Response[bytes]:
    """A part of the page."""
    asset = ASSETS.get(name)
    if asset is None or name == PAGE:
        raise NotFoundException(f"there is no file {name!r} here")
    return _answer(request, asset)


def handlers() -> list[HTTPRouteHandler]:
    """The routes; no token is wanted, as there is nothing in these files to keep from anybody."""
    return [page, static]


def _answer(request: BrokerRequest, asset: Asset) -> Response[bytes]:
    headers = {**HEADERS, "ETag": asset.etag}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)
