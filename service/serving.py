"""A process that serves: claim the data folder, listen, announce, and stop in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from service.announcements import LISTENING
from service.app import Service, open_service
from service.beside import BrokerDidNotStart
from service.claim import claimed
from service.embedded import Qstash, broker_beside, broker_inside, token_file
from service.hosting import address_of, bind, hosted, stop_signals, tune_interpreter
from service.logs import log_to_standard_error
from service.machine import warnings_of_machine
from service.processing.registry import UnknownProcessor, load_processors
from service.settings import Settings, refuse_open_door, warnings_of

log = structlog.get_logger(__name__)

Announce = Callable[[str], None]


async def serve(settings: Settings, *, announce: Announce) -> None:
    """Run the whole service until SIGINT or SIGTERM.

    Raises ``SettingsError``, ``UnknownProcessor``, ``AddressUnusable`` or ``BrokerDidNotStart``.
    """
    refuse_open_door(settings)
    processors = load_processors(settings.processors)
    if settings.processor not in processors:
        raise UnknownProcessor(
            f"WAYBILL_PROCESSOR is {settings.processor!r}; this server has "
            f"{', '.join(sorted(processors))}: choose one of them, or add it to WAYBILL_PROCESSORS"
        )
    log_to_standard_error(settings)
    on_files = settings.database_url is None or settings.uses_embedded_broker
    of_machine = warnings_of_machine(settings.data) if on_files else ()
    for warning in (*warnings_of(settings), *of_machine):
        log.warning(warning)
    with claimed(settings.data):
        listening = bind(settings.host, settings.port)
        here = address_of(listening, settings.host)
        async with AsyncExitStack() as broker, stop_signals() as stop:
            try:
                qstash = await broker.enter_async_context(_qstash(settings))
            except BrokerDidNotStart:
                # Ctrl-C reaches it as well, for a moment: until it has a session of its own.
                if stop.is_set():
                    return
                raise
            if qstash.embedded:
                token_in = str(token_file(settings.data))
                log.info("the embedded broker has a page", url=qstash.url, token_in=token_in)
            public_url = (settings.public_url or here).rstrip("/")
            async with open_service(
                settings, qstash=qstash, public_url=public_url, processors=processors
            ) as service:
                grace = settings.drain_seconds
                async with hosted(service.web, listening, grace_seconds=grace):
                    tune_interpreter()
                    announce(f"{LISTENING}{here}")
                    await stop.wait()
                    log.info("stopping")
                    await _drain(service, broker, seconds=grace)


async def _drain(service: Service, broker: AsyncExitStack, *, seconds: float) -> None:
    """Stop in the order of the work: nothing new arrives, what runs may end, readers are told."""
    service.vitals.stopping = True
    goodbyes = asyncio.create_task(service.hub.drain(), name="goodbyes")
    draining = asyncio.create_task(service.deliveries.drain(seconds), name="draining")
    # The broker waits for its deliveries, and those for our attempts: both end together.
    await broker.aclose()
    left = await draining
    if left:
        log.warning(
            "attempts were stopped and count as failed; what has attempts left is tried again",
            attempts=left,
        )
    await goodbyes


@asynccontextmanager
async def _qstash(settings: Settings) -> AsyncIterator[Qstash]:
    if settings.uses_embedded_broker:
        run = broker_inside if settings.broker_process == "inside" else broker_beside
        async with run(settings.data, port=settings.broker_port) as qstash:
            yield qstash
        return
    yield Qstash(
        url=settings.qstash_url,
        token=settings.qstash_token or "",
        current_signing_key=settings.qstash_current_signing_key or "",
        next_signing_key=settings.qstash_next_signing_key or "",
        embedded=False,
    )
