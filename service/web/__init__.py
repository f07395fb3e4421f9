"""The HTTP surface: ``create_web`` lists all of it.

``uploads``    a document comes in
``documents``  look, history, text, retry, cancel
``feed``       the live feed
``qstash``     what QStash calls
``health``     how the service is
``dashboard``  the page
``openapi``    the description of all this; ``described`` has its words, ``examples`` its examples
"""

from typing import Any

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException

from service.web.auth import TokenGuard
from service.web.dashboard import page_routes
from service.web.described import GUARDED
from service.web.documents import (
    cancel,
    get_document,
    get_events,
    get_text,
    list_documents,
    retry,
)
from service.web.feed import feed_routes
from service.web.health import get_queue, health, metrics_page
from service.web.openapi import openapi_config
from service.web.parameters import known_only
from service.web.problems import to_response
from service.web.qstash import callback, failed, process
from service.web.uploads import upload


def create_web(*, collaborators: dict[str, Any], api_token: str | None, version: str) -> Litestar:
    """The application; every route gets its collaborators by name."""
    strict = Router(
        "/",
        route_handlers=[
            upload,
            list_documents,
            get_document,
            get_events,
            get_text,
            retry,
            cancel,
            get_queue,
            metrics_page,
        ],
        guards=[known_only],
    )
    # The feed knows more ways to write a parameter, and looks itself.
    guarded = Router(
        "/",
        route_handlers=[strict, *feed_routes],
        guards=[TokenGuard(api_token)],
        opt={GUARDED: True},
    )
    return Litestar(
        route_handlers=[guarded, health, process, failed, callback, *page_routes],
        dependencies={name: _provided(value) for name, value in collaborators.items()},
        exception_handlers={HTTPException: to_response, Exception: to_response},
        openapi_config=openapi_config(version),
        logging_config=None,
    )


def _provided(value: object) -> Provide:
    return Provide(lambda: value, sync_to_thread=False, use_cache=True)
