"""The destination of a publish: taken raw from the request's path and query, and checked (pure)."""

from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from service.broker.errors import Malformed

__all__ = [
    "FUNCTIONS",
    "checked",
    "from_request",
    "host_and_port_of",
    "host_of",
    "options_in_query",
    "path_of",
]

LONGEST = 8192


@lru_cache(maxsize=128)
def from_request(raw_path: bytes, query: bytes, *, after: bytes) -> str:
    """What stands behind `after` (`/v2/publish/`) in a raw path, its own query attached again.

    It is not checked yet, as it may name a URL group. The framework's path parameter is of no use
    here: it collapses `//` and decodes `%2F`.
    """
    _, _, destination = raw_path.partition(after)
    kept = b"&".join(pair for pair in query.split(b"&") if pair and not _is_ours(pair))
    if kept:
        destination += b"?" + kept
    try:
        return _with_both_slashes(destination.decode("ascii"))
    except UnicodeDecodeError as error:
        raise Malformed(
            "invalid destination url: it holds a byte that is not ASCII; percent-encode it"
        ) from error


def options_in_query(query: bytes) -> list[tuple[bytes, bytes]]:
    """The raw `upstash-...=` pairs of a query, which stand for headers of the same names."""
    pairs = (pair.partition(b"=") for pair in query.split(b"&"))
    return [(name, value) for name, _, value in pairs if name.lower().startswith(b"upstash-")]


@lru_cache(maxsize=1024)
def checked(url: str, *, name: str) -> str:
    """The URL itself, when something can be delivered to it."""
    parts = _split(url, name=name)
    if parts.scheme.lower() not in ("http", "https"):
        raise _refusal(name, "endpoint has invalid scheme, add http:// or https://")
    if not parts.hostname:
        raise _refusal(name, f"{url!r} names no host")
    if parts.username is not None or parts.password is not None:
        raise _refusal(name, "it carries a user or password; use Upstash-Forward-Authorization")
    if len(url) > LONGEST:
        raise _refusal(name, f"it is longer than {LONGEST} characters")
    if any(character <= " " or character >= "\x7f" for character in url):
        raise _refusal(name, "it holds a blank, control or non-ASCII character; percent-encode it")
    return url


def host_of(url: str) -> str:
    """The host of a checked URL, in lower case."""
    return urlsplit(url).hostname or ""


@lru_cache(maxsize=4096)
def host_and_port_of(url: str) -> str:
    """The host of a checked URL with the port, if it names one: `example.com:8080`."""
    return urlsplit(url).netloc.lower()


def path_of(url: str) -> str:
    """The path of a checked URL; `/` when it names none."""
    return urlsplit(url).path or "/"


FUNCTIONS = {"url_host": host_of, "url_host_and_port": host_and_port_of, "url_path": path_of}
"""By the names under which the database knows them."""


def _split(url: str, *, name: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading the port is what checks it
    except ValueError as error:
        raise _refusal(name, f"{url!r}: {error}") from error
    return parts


def _refusal(name: str, reason: str) -> Malformed:
    return Malformed(f"invalid {name} url: {reason}")


def _is_ours(pair: bytes) -> bool:
    name = pair.partition(b"=")[0].lower()
    return name == b"qstash_token" or name.startswith(b"upstash-")


def _with_both_slashes(destination: str) -> str:
    # Proxies that merge slashes turn https://host into https:/host.
    for scheme in ("http:/", "https:/"):
        if destination.startswith(scheme) and not destination.startswith(scheme + "/"):
            return scheme + "/" + destination[len(scheme) :]
    return destination
