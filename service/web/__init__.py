"""The HTTP surface: ``create_web`` lists all of it.

``uploads``    a document comes in
``documents``  look, history, text, retry, cancel
``feed``       the live feed
``qstash``     what QStash calls
``health``     how the service is
``dashboard``  the page
"""

from typing import Any

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig

from service.web.auth import TokenGuard
from service.web.dashboard import page_routes
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
from service.web.problems import to_response
from service.web.qstash import callback, failed, process
from service.web.uploads import upload

DESCRIPTION = """
An event-sourced job tracker for documents. Errors are RFC 9457 problem details.
"""


def create_web(*, collaborators: dict[str, Any], api_token: str | None, version: str) -> Litestar:
    """The application; every route gets its collaborators by name."""
    guarded = Router(
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
            *feed_routes,
        ],
        guards=[TokenGuard(api_token)],
    )
    return Litestar(
        route_handlers=[guarded, health, process, failed, callback, *page_routes],
        dependencies={name: _provided(value) for name, value in collaborators.items()},
        exception_handlers={HTTPException: to_response, Exception: to_response},
        openapi_config=OpenAPIConfig(
            title="Waybill",
            version=version,
            description=DESCRIPTION.strip(),
            path="/schema",
            render_plugins=[],
        ),
        logging_config=None,
    )


def _provided(value: object) -> Provide:
    return Provide(lambda: value, sync_to_thread=False, use_cache=True)
