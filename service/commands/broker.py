"""`waybill broker`: only the embedded broker, for services on other ports or in other languages."""

from typing import Annotated

import typer

from service.commands.options import AsJson, Data
from service.commands.serve import UntilStdinEnds, announce, announce_as_json, run_server

USUAL_PORT = 8322
LOOPBACK = "127.0.0.1"

BrokerPort = Annotated[
    int, typer.Option("--port", metavar="N", help="The port to listen on; 0 takes any free one.")
]
BrokerHost = Annotated[
    str,
    typer.Option(
        "--host", metavar="ADDRESS", help="The address to listen on; others need the token."
    ),
]
Destinations = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-destination",
        metavar="WHERE",
        help="Deliver only there: `public`, a name, `*.` and a name, an address or a network; "
        "may be repeated.",
    ),
]
DevCredentials = Annotated[
    bool,
    typer.Option(
        "--dev-credentials",
        help="Use the published credentials of QStash's development server; only on loopback.",
    ),
]

DeduplicationSeconds = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        help="How long a deduplication id or content is remembered; a second message is not sent.",
    ),
]
RequestsPerSecond = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        help="Requests answered in a second, publishing aside; more get 429. 0 is no limit.",
    ),
]
MessagesPerDay = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        help="Messages taken in a day (UTC), as QStash's plans have it; more get 429. "
        "0 is no limit.",
    ),
]
Misbehaviour = Annotated[
    str | None,
    typer.Option(
        "--chaos",
        metavar="HOW",
        help="Misbehave, to test a receiver: "
        "`duplicate=0.05,reorder=0.1,drop-answer=0.02,delay=2s,seed=7`.",
    ),
]


def broker(
    data: Data = None,
    host: BrokerHost = LOOPBACK,
    port: BrokerPort = USUAL_PORT,
    deduplication_seconds: DeduplicationSeconds = 600,
    requests_per_second: RequestsPerSecond = 1000,
    messages_per_day: MessagesPerDay = 0,
    destinations: Destinations = None,
    dev_credentials: DevCredentials = False,
    chaos: Misbehaviour = None,
    as_json: AsJson = False,
    until_stdin_ends: UntilStdinEnds = False,
) -> None:
    """Start a QStash of your own.

    Prints where it listens, the variables that make a service or an SDK use it, with a second
    token that may only read, and where its page is.
    """
    from service.commands.loading import settings_in_force

    in_force = settings_in_force({"data": data})

    async def work() -> None:
        from service.embedded import Bounds, Exposure
        from service.serving_broker import serve_broker

        exposure = Exposure(
            host=host, destinations=destinations or (), dev_credentials=dev_credentials
        )
        tell = announce_as_json if as_json else announce
        await serve_broker(
            in_force,
            port=port,
            announce=tell,
            exposure=exposure,
            misbehaving=chaos,
            bounds=Bounds(
                deduplication_seconds=deduplication_seconds,
                requests_per_second=requests_per_second,
                messages_per_day=messages_per_day,
            ),
        )

    run_server(work(), until_stdin_ends=until_stdin_ends)
