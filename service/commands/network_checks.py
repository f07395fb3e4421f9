"""What `doctor` asks others: QStash for its keys, the server for its health and its time."""

from email.utils import parsedate_to_datetime

import httpx

from service.commands.client import Client, answered, open_client, refusal
from service.commands.endings import Trouble, Unreachable
from service.commands.finding import Finding, ok, problem, warning
from service.commands.wording import SECOND, duration, moment, plain
from service.settings import Settings

MOST_CLOCK_DIFFERENCE = 5 * SECOND
BAD_CLOCK_DIFFERENCE = 60 * SECOND
"""QStash's signatures are valid for minutes, so a clock may not be far off."""

KEY_NAMES = ("QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")


async def queue(settings: Settings) -> Finding:
    """Whether QStash answers to our token, and signs with the keys we know."""
    if settings.uses_embedded_broker:
        return ok("queue", "the embedded broker; it runs with the service")
    from service.publisher import Publisher
    from service.publisher import Unreachable as QueueUnreachable

    publisher = Publisher(
        url=settings.qstash_url,
        token=settings.qstash_token or "",
        process_url="",
        failed_url="",
        retries=0,
        timeout_seconds=1,
    )
    place = settings.qstash_url or "QStash"
    try:
        theirs = await publisher.signing_keys()
    except QueueUnreachable as error:
        return problem(
            "queue",
            f"{place} does not answer: {plain(str(error))}",
            repair="compare QSTASH_URL and QSTASH_TOKEN with QStash's console",
        )
    ours = (settings.qstash_current_signing_key, settings.qstash_next_signing_key)
    wrong = [name for name, own, key in zip(KEY_NAMES, ours, theirs, strict=True) if own != key]
    if wrong:
        return problem(
            "queue",
            f"{place} answers, but signs with other keys: {' and '.join(wrong)} do not match",
            repair="copy both signing keys from QStash's console",
        )
    return ok("queue", f"{place} answers, and its signing keys are ours")


async def server(url: str, token: str | None, *, now: int) -> list[Finding]:
    """Whether the server answers, how it is, and whether its clock agrees with ours."""
    try:
        async with open_client(url, token) as client:
            return await _server(client, now=now)
    except Unreachable as error:
        return [warning("server", str(error), repair="start it, or name another one with --url")]
    except Trouble as error:
        return [problem("server", str(error), repair="look at the log of the server")]


async def _server(client: Client, *, now: int) -> list[Finding]:
    response = await client.look("/health")
    if response.is_error and response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
        raise refusal(response)
    health = answered(response)
    status = plain(str(health.get("status", "unknown")))
    if status == "ok":
        found = [ok("server", f"{client.url} is well")]
    else:
        reasons = "; ".join(plain(str(each)) for each in health.get("reasons", ()))
        text = f"{client.url} is {status}" + (f": {reasons}" if reasons else "")
        found = [warning("server", text, repair="look at the log of the server")]
    return [*found, *_token(await client.look("/v1/queue")), clock(response, now=now)]


def _token(response: httpx.Response) -> list[Finding]:
    if response.status_code != httpx.codes.UNAUTHORIZED:
        return []
    return [
        problem(
            "token",
            "the server does not accept our token",
            repair="give the server's token with --token or WAYBILL_API_TOKEN",
        )
    ]


def clock(response: httpx.Response, *, now: int) -> Finding:
    """The server's clock against ours; its header tells whole seconds only."""
    written = response.headers.get("Date")
    if not written:
        return ok("clock", "the server does not tell its time")
    difference = abs(moment(parsedate_to_datetime(written).isoformat()) - now)
    if difference <= MOST_CLOCK_DIFFERENCE:
        return ok("clock", "agrees with the server's")
    text = f"this clock and the server's differ by {duration(difference)}"
    say = problem if difference > BAD_CLOCK_DIFFERENCE else warning
    return say("clock", text, repair="let both machines set their clocks by NTP")
