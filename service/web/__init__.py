"""The HTTP surface: ``create_web`` lists all of it.

``uploads``    a document comes in
``documents``  look, history, text, retry, cancel, erase
``feed``       the live feed
``qstash``     what QStash calls, through ``signed``
``health``     how the service is, and its queue
``log``        the head of the log
``moments``    ``min_position`` and ``as_of``, which several of these take
``projections``  how the tables are, their rows, and a rebuild
``dashboard``  the page
``openapi``    the description of all this; ``described`` has its words, ``examples`` its examples
"""

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException

from service.web.auth import Gate
from service.web.dashboard import page_routes
from service.web.described import GUARDED
from service.web.documents import (
    cancel,
    document_methods,
    erase,
    get_document,
    get_events,
    get_text,
    list_documents,
    retry,
)
from service.web.feed import feed_routes
from service.web.health import get_queue, health, metrics_page
from service.web.log import get_log_head
from service.web.openapi import openapi_config
from service.web.problems import to_response
from service.web.projections import list_projections, list_rows, rebuild
from service.web.qstash import qstash_routes
from service.web.rooms import ServiceRooms
from service.web.uploads import upload


def create_web(*, rooms: ServiceRooms | None, api_token: str | None, version: str) -> Litestar:
    """The application; without rooms it can only be described."""
    gate = Gate(api_token)
    strict = Router(
        "/",
        route_handlers=[
            upload,
            list_documents,
            document_methods,  # before the others, or the framework makes its own
            get_document,
            get_events,
            get_text,
            retry,
            cancel,
            erase,
            get_queue,
            list_projections,
            list_rows,
            rebuild,
            get_log_head,
            metrics_page,
        ],
        before_request=gate.strict,
    )
    # The feed knows more ways to write a parameter, and looks itself.
    guarded = Router(
        "/",
        route_handlers=[strict, *feed_routes],
        before_request=gate.token_only,
        opt={GUARDED: True},
    )
    return Litestar(
        route_handlers=[guarded, health, *qstash_routes(rooms), *page_routes],
        dependencies={"rooms": Provide(lambda: rooms, sync_to_thread=False, use_cache=True)},
        exception_handlers={HTTPException: to_response, Exception: to_response},
        openapi_config=openapi_config(version),
        logging_config=None,
    )
