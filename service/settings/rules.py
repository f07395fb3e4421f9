"""What must hold between settings: pure checks that say which setting to change, and how."""

import ipaddress
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from service.settings.table import Settings


class SettingsError(Exception):
    """Settings that cannot be used; every problem that was found, each naming what to change."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  * {problem}" for problem in self.problems)
        super().__init__(f"the settings cannot be used:{lines}")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host; a name that needs a look-up is not trusted."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refuse_open_door(settings: Settings) -> None:
    """Closed by default: others may reach the service only when callers must show a token."""
    if is_loopback(settings.host) or settings.api_token:
        return
    raise SettingsError(
        [
            f"WAYBILL_HOST is {settings.host!r}, which other machines can reach, and "
            "WAYBILL_API_TOKEN is not set; set it to a long secret, or listen on 127.0.0.1"
        ]
    )


def contradictions(settings: Settings) -> Iterator[str]:
    """What is wrong although each value is right by itself."""
    yield from _missing_for_qstash(settings)
    if settings.transport_retries < settings.attempts - 1:
        yield (
            f"WAYBILL_QSTASH_RETRIES is {settings.transport_retries} and WAYBILL_ATTEMPTS is "
            f"{settings.attempts}; QStash would give up first, "
            f"allow at least {settings.attempts - 1} retries"
        )


def warnings_of(settings: Settings) -> tuple[str, ...]:
    """What works, but should be known."""
    if settings.durability == "relaxed":
        return (
            "WAYBILL_DURABILITY is 'relaxed': a power cut may lose the last accepted documents; "
            "set it to 'full' for anything that matters",
        )
    return ()


def _missing_for_qstash(settings: Settings) -> Iterator[str]:
    reason = _reason_for_qstash(settings)
    if reason is None:
        return
    needed = {
        "QSTASH_TOKEN": settings.qstash_token,
        "QSTASH_CURRENT_SIGNING_KEY": settings.qstash_current_signing_key,
        "QSTASH_NEXT_SIGNING_KEY": settings.qstash_next_signing_key,
    }
    for variable, value in needed.items():
        if not value:
            yield f"{variable} is not set, but {reason}; the QStash console shows its value"
    if not settings.public_url and not is_loopback(_host_of_qstash(settings)):
        yield (
            f"WAYBILL_PUBLIC_URL is not set, but {reason}; set it to the address under which "
            "QStash reaches this service"
        )


def _reason_for_qstash(settings: Settings) -> str | None:
    """Why QStash must be configured whole: one of its four is there, or nothing else publishes."""
    four = {
        "QSTASH_URL": settings.qstash_url,
        "QSTASH_TOKEN": settings.qstash_token,
        "QSTASH_CURRENT_SIGNING_KEY": settings.qstash_current_signing_key,
        "QSTASH_NEXT_SIGNING_KEY": settings.qstash_next_signing_key,
    }
    for variable, value in four.items():
        if value:
            return f"{variable} is"
    return "WAYBILL_BROKER is 'off', so QStash is needed" if settings.broker == "off" else None


def _host_of_qstash(settings: Settings) -> str:
    return urlsplit(settings.qstash_url or "").hostname or ""
