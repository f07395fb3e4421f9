"""The broker alone: listen, announce the address and what it takes to use it, and stop in order.

Apart from `serving`, because it needs nothing of the service and starts faster without it.
"""

import asyncio
from collections.abc import Callable

import structlog

from service.announcements import EXPORT, LISTENING, MISBEHAVING, PAGE
from service.beside import STOP_SECONDS
from service.embedded import Bounds, Exposure, broker_app, chaos_of, prepare_exposed
from service.hosting import address_of, bind, hosted, stop_signals, tune_interpreter
from service.logs import log_to_standard_error
from service.settings import Settings

log = structlog.get_logger(__name__)


async def serve_broker(
    settings: Settings,
    *,
    port: int,
    announce: Callable[[str], None],
    bounds: Bounds,
    exposure: Exposure = Exposure(),  # noqa: B008 - frozen
    misbehaving: str | None = None,
) -> None:
    """Run the broker alone until SIGINT or SIGTERM; announces its address and credentials.

    Raises ``SettingsError`` or ``AddressUnusable``.
    """
    log_to_standard_error(settings)
    chaos = chaos_of(misbehaving)
    credentials, reach = await asyncio.to_thread(prepare_exposed, settings.data, exposure)
    listening = bind(exposure.host, port)
    url = address_of(listening, exposure.host)
    app = broker_app(
        settings.data,
        credentials,
        reach=reach,
        chaos=chaos,
        bounds=bounds,
    )
    async with stop_signals() as stop, hosted(app, listening, grace_seconds=STOP_SECONDS):
        tune_interpreter()
        announce(f"{LISTENING}{url}")
        announce(f"{EXPORT}QSTASH_URL={url}")
        announce(f"{EXPORT}QSTASH_TOKEN={credentials.token}")
        announce(f"{EXPORT}QSTASH_CURRENT_SIGNING_KEY={credentials.current_signing_key}")
        announce(f"{EXPORT}QSTASH_NEXT_SIGNING_KEY={credentials.next_signing_key}")
        announce(f"{EXPORT}QSTASH_READ_ONLY_TOKEN={credentials.read_only_token}")
        # What stands behind # is never sent to anybody, and the page takes it out of the address.
        announce(f"{PAGE}{url}/#token={credentials.token}")
        if chaos is not None:
            announce(f"{MISBEHAVING}{chaos}")
            log.warning("the broker misbehaves on purpose", chaos=str(chaos))
        await stop.wait()
