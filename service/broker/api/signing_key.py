"""The signing keys: `/v2/keys`."""

from litestar import Router, get, post

from service.broker.api.requests import BrokerRequest, broker_of
from service.broker.signing import SigningKeys

__all__ = ["router"]


def router() -> Router:
    """The routes of the keys."""
    return Router("/v2/keys", route_handlers=[get_keys, rotate_keys])


@get("/")
async def get_keys(request: BrokerRequest) -> dict[str, str]:
    """The key that signs, and the next one."""
    return _shown(broker_of(request).keys)


@post("/rotate", status_code=200)
async def rotate_keys(request: BrokerRequest) -> dict[str, str]:
    """Makes the next key sign from now on, and a new one stand by."""
    return _shown(await broker_of(request).rotate_keys())


def _shown(keys: SigningKeys) -> dict[str, str]:
    return {"current": keys.current, "next": keys.next}
