"""The page and its parts: read once at the start, served with a strict policy and an ETag."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from litestar import Response, get
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from service.web.requests import WebRequest

TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)
PAGE = "index.html"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it goes over the wire."""

    content: bytes
    media_type: str
    etag: str


def _read() -> dict[str, Asset]:
    assets = {}
    for file in files("service.web").joinpath("static").iterdir():
        kind = TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            content = file.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:16]
            assets[file.name] = Asset(content, kind, f'"{digest}"')
    return assets


# The names are known before any request comes, so none can lead out of the folder.
ASSETS = _read()


@get("/", include_in_schema=False, media_type=MediaType.HTML)
async def page(request: WebRequest) -> Response[bytes]:
    """The page."""
    return _answer(request, ASSETS[PAGE])


@get("/static/{name:str}", include_in_schema=False)
async def static(request: WebRequest, name: FromPath[str]) -> Response[bytes]:
    """A part of the page, or the kit for other people's pages."""
    asset = ASSETS.get(name)
    if asset is None or name == PAGE:
        raise NotFoundException(f"there is no file {name!r} here")
    answer = _answer(request, asset)
    # The kit may be loaded by any page: it holds no secret.
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def _answer(request: WebRequest, asset: Asset) -> Response[bytes]:
    headers = {
        "ETag": asset.etag,
        "Cache-Control": "no-cache",
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    if request.headers.get("if-none-match") == asset.etag:
        return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)


page_routes = [page, static]
