"""Every setting: its name, kind, default, unit and meaning, one under the other."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from service.settings.kinds import (
    Kind,
    address,
    choice,
    database,
    delays,
    duration,
    path,
    secret,
    size,
    text,
    whole,
    whole_seconds,
)

PREFIX = "WAYBILL_"
DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One setting as the table below declares it."""

    key: str
    variable: str
    kind: Kind
    default: object
    meaning: str
    unit: str
    when_unset: str

    @property
    def is_secret(self) -> bool:
        return self.kind.is_secret


def setting(
    kind: Kind,
    default: object,
    meaning: str,
    *,
    unit: str = "",
    when_unset: str = "",
    variable: str = "",
) -> Any:
    """A field with all that is told about it; the field's own annotation is the type."""
    told = {
        "kind": kind,
        "meaning": meaning,
        "unit": unit,
        "when_unset": when_unset,
        "variable": variable,
    }
    return field(default=default, repr=not kind.is_secret, metadata=told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    # Where it lives and who may reach it
    data: Path = setting(
        path(), Path("waybill-data"), "The folder that holds everything Waybill keeps."
    )
    database_url: str | None = setting(
        database(),
        None,
        "The PostgreSQL database that holds the log and the tables, for any number of nodes.",
        when_unset="SQLite files in the data folder",
    )
    host: str = setting(text("an address or a host name"), "127.0.0.1", "The address to listen on.")
    port: int = setting(whole(0, 65535), 8321, "The port to listen on; 0 takes any free one.")
    public_url: str | None = setting(
        address(["http", "https"]),
        None,
        "The address under which QStash and browsers reach this service.",
        when_unset="`http://HOST:PORT`",
    )
    api_token: str | None = setting(
        secret(),
        None,
        "The bearer token of the API; required as soon as `host` is not this machine alone.",
    )

    # Documents
    max_upload_bytes: int = setting(
        size(1, 1 << 40), 100 << 20, "The largest document that is accepted.", unit="bytes"
    )
    storage_url: str | None = setting(
        address(["s3", "gs", "az", "file"]),
        None,
        "Where documents and results are kept: a bucket with a prefix, or a folder.",
        when_unset="`objects` in the data folder",
    )

    # Processing
    processor: str = setting(
        text("the name of a processor"), "pdf-text", "The processor that reads each document."
    )
    processors: str = setting(
        text("pairs of name=module:callable with commas between them"),
        "",
        "Processors of your own, as `name=module:callable`, with commas between them.",
    )
    workers: int = setting(
        whole(0, 1024), 0, "How many worker processes read documents; 0 is one per core."
    )
    worker_seconds: float = setting(
        duration(0.1, DAY), 600.0, "The longest time one attempt may take.", unit="seconds"
    )
    worker_memory_bytes: int = setting(
        size(64 << 20, 1 << 44), 2 << 30, "The address space of one worker process.", unit="bytes"
    )
    worker_output_bytes: int = setting(
        size(1, 1 << 40), 64 << 20, "The largest result of one document.", unit="bytes"
    )

    # Attempts and deliveries
    attempts: int = setting(
        whole(1, 100), 4, "How often a document is tried by itself before it has failed."
    )
    retry_delays: tuple[int, ...] = setting(
        delays(0, 7 * DAY, longest=100),
        (12, 148, 1808),
        "The wait before each retry; the last one repeats.",
        unit="seconds",
    )
    lease_seconds: float = setting(
        duration(0.1, 3600),
        60.0,
        "How long a silent attempt holds its document; never longer than `delivery_seconds`.",
        unit="seconds",
    )
    grace_seconds: float = setting(
        duration(0, 600),
        5.0,
        "How long after its end a lease is taken from a worker that may only be late.",
        unit="seconds",
    )
    delivery_seconds: int = setting(
        whole_seconds(1, DAY),
        900,
        "How long QStash waits for the answer to one delivery.",
        unit="seconds",
    )
    max_deliveries: int = setting(
        whole(0, 10_000),
        0,
        "How many deliveries are worked on at once; 0 follows the number of workers.",
    )
    qstash_retries: int | None = setting(
        whole(0, 100),
        None,
        "How often QStash repeats a delivery that nobody answered.",
        when_unset="`attempts` and two more",
    )

    # The embedded broker
    broker: Literal["auto", "off"] = setting(
        choice(["auto", "off"]),
        "auto",
        "`auto` runs the embedded broker when no QStash is configured; `off` never does.",
    )
    broker_port: int = setting(
        whole(0, 65535), 0, "The port of the embedded broker on 127.0.0.1; 0 takes any free one."
    )
    broker_process: Literal["inside", "beside"] = setting(
        choice(["inside", "beside"]),
        "beside",
        "Whether the embedded broker runs inside the service's process or in one beside it.",
    )

    # QStash
    qstash_url: str | None = setting(
        address(["http", "https"]),
        None,
        "The address of QStash.",
        when_unset="`https://qstash.upstash.io` with a token, else the embedded broker",
        variable="QSTASH_URL",
    )
    qstash_token: str | None = setting(
        secret(), None, "The token that publishes to QStash.", variable="QSTASH_TOKEN"
    )
    qstash_current_signing_key: str | None = setting(
        secret(),
        None,
        "The key that QStash signs deliveries with.",
        variable="QSTASH_CURRENT_SIGNING_KEY",
    )
    qstash_next_signing_key: str | None = setting(
        secret(),
        None,
        "The key that QStash signs with after the next rotation.",
        variable="QSTASH_NEXT_SIGNING_KEY",
    )

    # Projections
    projections: str = setting(
        text("pairs of module:Class with commas between them"),
        "",
        "Projections of your own, as `module:Class`, with commas between them.",
    )

    # Running
    durability: Literal["full", "relaxed"] = setting(
        choice(["full", "relaxed"]),
        "full",
        "`full` answers after the disk has it; `relaxed` may lose the last moments at a power cut.",
    )
    log_format: Literal["auto", "human", "json"] = setting(
        choice(["auto", "human", "json"]),
        "auto",
        "How log lines look; `auto` is `human` on a terminal and `json` elsewhere.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        choice(["debug", "info", "warning", "error"]), "info", "The least important line to log."
    )
    drain_seconds: float = setting(
        duration(0, 3600),
        10.0,
        "How long a stop waits for work in progress; an attempt that it ends is used up.",
        unit="seconds",
    )

    @property
    def uses_embedded_broker(self) -> bool:
        return self.broker == "auto" and not (self.qstash_url or self.qstash_token)

    @property
    def transport_retries(self) -> int:
        """QStash must outlast our own budget, or it gives up what we have not given up."""
        return self.attempts + 2 if self.qstash_retries is None else self.qstash_retries


def _declare() -> tuple[Declaration, ...]:
    declared = []
    for each in fields(Settings):
        told = dict(each.metadata)
        told["variable"] = told["variable"] or PREFIX + each.name.upper()
        declared.append(Declaration(key=each.name, default=each.default, **told))
    return tuple(declared)


DECLARATIONS = _declare()
