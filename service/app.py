"""The composition root: settings in, a running service out. Every resource is opened here."""

import platform
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import structlog
from litestar import Litestar

from events.database import Database
from events.document.policy import Policy
from events.document.state import Document
from events.sql import SqlEventStore
from projections.past import Past
from projections.reads import DocumentReads
from projections.tables import create_tables
from service import __version__
from service.anchor import HeadPublisher
from service.attempts import Attempts
from service.clock import MICROSECONDS, document_id, elapsed, jitter, new_id, system_clock
from service.databases import open_log, open_log_database, open_read_database
from service.deliveries import Deliveries
from service.dispatcher import Dispatcher
from service.documents import Documents
from service.embedded import Qstash
from service.enqueuing import Enqueuer
from service.erasure import Eraser
from service.errands import Errands
from service.feed.hub import Hub
from service.feed.limits import FeedLimits, within_descriptors
from service.metrics import create_metrics
from service.nodes import dispatching, hints_of, lease_of
from service.orphans import OrphanRemover
from service.processing.limits import Limits
from service.processing.pool import Pool
from service.processing.registry import ProcessorSpec
from service.projecting import projecting
from service.publisher import Publisher
from service.settings import Settings
from service.signing_keys import SigningKeys
from service.storage import open_storage
from service.supervision import background
from service.uploads import Uploads
from service.vault import open_vault
from service.vitals import Vitals
from service.web import create_web
from service.web.doorkeeper import Doorkeeper
from service.web.qstash import FAILED, PROCESS
from service.web.rooms import ServiceRooms

log = structlog.get_logger(__name__)

PATIENCE = 300 * MICROSECONDS
"""How long a message may stay unheard of before QStash is asked where it is."""
SHORTEST_WAIT = 10.0
"""Seconds that a delivery waits for a worker at least, before it is sent back."""
INLINE_AT_ONCE = 64
"""Deliveries at once for processors that need no worker."""

Processors = Mapping[str, ProcessorSpec]


class Service(msgspec.Struct, frozen=True):
    """The running service: its HTTP surface, and what has to be told of the end."""

    web: Litestar
    vitals: Vitals
    hub: Hub
    deliveries: Deliveries


@asynccontextmanager
async def open_service(
    settings: Settings, *, qstash: Qstash, public_url: str, processors: Processors
) -> AsyncIterator[Service]:
    """Open everything the service needs, in order, and close it in reverse."""
    policy = policy_of(settings)
    node = f"{platform.node()}-{new_id()[-6:]}"
    metrics = create_metrics()
    scratch = _scratch(settings.data)
    publisher = Publisher(
        url=qstash.url,
        token=qstash.token,
        process_url=public_url + PROCESS,
        failed_url=public_url + FAILED,
        retries=settings.transport_retries,
        timeout_seconds=settings.delivery_seconds,
    )
    async with AsyncExitStack() as stack:
        storage = open_storage(settings.storage_url or settings.data / "objects")
        stack.callback(storage.close)
        log_database = await stack.enter_async_context(open_log_database(settings))
        vault = await stack.enter_async_context(open_vault(settings))
        store = await stack.enter_async_context(open_log(settings, log_database, vault.sealing))
        read_database = await stack.enter_async_context(open_read_database(settings))
        await read_database.write(create_tables)
        pool = await stack.enter_async_context(_pool(settings, processors))

        documents = Documents(
            store,
            clock=system_clock,
            new_id=new_id,
            policy=policy,
            node=node,
            destination=publisher.process_url,
        )
        vault.sealing.when_erased(documents.forget)
        hub = await _hub(store, read_database)
        tables = projecting(
            store,
            read_database,
            clock=system_clock,
            own=settings.projections,
            on_documents=hub.hear,
        )
        await tables.prepare()
        lookups = tables.lookups
        enqueuer = Enqueuer(
            documents,
            publisher,
            clock=system_clock,
            flow=_flow(processors, settings, pool),
            transport="local" if qstash.embedded else "qstash",
        )
        eraser = Eraser(documents, storage, store, vault=vault, tables=read_database)
        dispatcher = Dispatcher(
            documents,
            enqueuer,
            Errands(documents, publisher, enqueuer, erase=eraser.ask),
            store=store,
            wakeup=store.wakeup,
            clock=system_clock,
        )
        attempts = Attempts(
            documents,
            storage,
            pool,
            processors=processors,
            scratch=scratch,
            clock=system_clock,
            metrics=metrics,
        )
        loops = {
            **tables.loops(),
            "feed": hub.run,
            "dispatcher": dispatching(
                dispatcher, lookups, store, lease=lease_of(settings, read_database, node)
            ),
            "erasures": eraser.run,
            "head of the log": HeadPublisher(store).run,
            **hints_of(settings, store),
            "orphans": OrphanRemover(storage, store, lookups, clock=system_clock).run,
        }
        tasks = await stack.enter_async_context(background(loops))
        deliveries = Deliveries(
            documents,
            attempts,
            clock=system_clock,
            new_id=new_id,
            node=node,
            code_version=__version__,
            places=settings.max_deliveries or pool.size,
            longest_wait=max(SHORTEST_WAIT, settings.delivery_seconds - settings.worker_seconds),
            tasks=tasks,
        )
        vitals = Vitals(
            version=__version__,
            broker="embedded" if qstash.embedded else "qstash",
            log=store.wakeup,
            databases=[log_database, read_database],
            projecting=tables,
            dispatcher=dispatcher,
            pool=pool,
            hub=hub,
            metrics=metrics,
        )
        keys = SigningKeys(
            qstash.current_signing_key,
            qstash.next_signing_key,
            publisher=publisher,
            clock=system_clock,
        )
        rooms = ServiceRooms(
            attempts=attempts,
            catalog=tables.catalog,
            clock=system_clock,
            deliveries=deliveries,
            documents=documents,
            doorkeeper=Doorkeeper(keys, public_url=public_url, clock=system_clock, metrics=metrics),
            hub=hub,
            lookups=lookups,
            metrics=metrics,
            past=Past(read_database, store, lookups),
            settings=settings,
            storage=storage,
            store=store,
            uploads=Uploads(
                documents,
                storage,
                clock=system_clock,
                new_document_id=document_id,
                processors=frozenset(processors),
            ),
            vitals=vitals,
        )
        web = create_web(rooms=rooms, api_token=settings.api_token, version=__version__)
        yield Service(web, vitals, hub, deliveries)


def policy_of(settings: Settings) -> Policy:
    """The settings' patience, in microseconds."""
    return Policy(
        attempt_budget=settings.attempts,
        retry_delays=tuple(delay * MICROSECONDS for delay in settings.retry_delays),
        lease=round(min(settings.lease_seconds, settings.delivery_seconds) * MICROSECONDS),
        grace=round(settings.grace_seconds * MICROSECONDS),
        patience=PATIENCE,
    )


def _scratch(data: Path) -> Path:
    """Where workers write before a result goes to storage; what an earlier end left goes."""
    scratch = data / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    for leftover in scratch.iterdir():
        leftover.unlink()
    return scratch


def _pool(settings: Settings, processors: Processors) -> Pool:
    limits = Limits(
        seconds=settings.worker_seconds,
        address_space_bytes=settings.worker_memory_bytes,
        output_bytes=settings.worker_output_bytes,
    )
    return Pool(processors, size=settings.workers or None, limits=limits)


async def _hub(store: SqlEventStore, database: Database) -> Hub:
    streams = within_descriptors(FeedLimits().streams)
    return Hub(
        DocumentReads(database=database, store=store),
        epoch=await store.epoch(),
        limits=FeedLimits(streams=streams),
        clock=system_clock,
        elapsed=elapsed,
        jitter=jitter,
    )


def _flow(processors: Any, settings: Settings, pool: Pool) -> Callable[[Document], tuple[str, int]]:
    """QStash holds back what we could not work on anyway; for each worker one document more is on
    its way, so that none of them waits."""
    places = settings.max_deliveries or pool.size

    def flow(document: Document) -> tuple[str, int]:
        spec = processors.get(document.processor)
        inline = spec is not None and spec.inline
        return f"waybill-{document.processor}", INLINE_AT_ONCE if inline else 2 * places

    return flow
