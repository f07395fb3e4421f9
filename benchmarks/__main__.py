"""`python -m benchmarks [NAME...]`: one JSON line for each figure, on standard output."""

import argparse
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import uvloop

from benchmarks import (
    append,
    append_postgresql,
    broker,
    broker_at_rest,
    documents,
    growth,
    job_queues,
    large,
    memory,
    read,
    rebuild,
    senders,
    startup,
    upload_memory,
)
from benchmarks.figure import Figure
from benchmarks.machine import IN_MEMORY, conditions_of, file_system
from benchmarks.plotting import draw
from benchmarks.saving import save
from benchmarks.session import FULL, SMALL, Benchmark, Session
from projections.views import instant
from service.clock import system_clock

BENCHMARKS: Mapping[str, Benchmark] = {
    "append": append.run,
    "append_postgresql": append_postgresql.run,
    "broker": broker.run,
    "broker_at_rest": broker_at_rest.run,
    "documents": documents.run,
    "growth": growth.run,
    "large": large.run,
    "memory": memory.run,
    "peers": job_queues.run,
    "read": read.run,
    "rebuild": rebuild.run,
    "senders": senders.run,
    "upload_memory": upload_memory.run,
    "startup": startup.run,
}


def main() -> None:
    """Read the arguments and run."""
    asked = _parser().parse_args()
    if file_system(asked.folder) in IN_MEMORY:
        sys.exit(
            f"{asked.folder} lies in memory, where a durable commit means nothing; "
            "name a folder on a disk with --folder"
        )
    with tempfile.TemporaryDirectory(prefix="waybill-bench-", dir=asked.folder) as folder:
        session = Session(
            folder=Path(folder),
            rounds=asked.rounds,
            sizes=SMALL if asked.small else FULL,
            machine=conditions_of(asked.folder),
            settings=dict(setting.split("=", 1) for setting in asked.set),
        )
        uvloop.run(_run(asked.names or list(BENCHMARKS), session, keep=asked.save))


async def _run(names: Sequence[str], session: Session, *, keep: bool) -> None:
    date = instant(system_clock())[:10]
    for name in names:
        figures = [figure async for figure in _told(BENCHMARKS[name](session))]
        if keep:
            path = save(name, figures, date=date)
            print(f"kept in {path}", file=sys.stderr)
            if picture := draw(name, path):
                print(f"drawn in {picture}", file=sys.stderr)


async def _told(figures: AsyncIterator[Figure]) -> AsyncIterator[Figure]:
    async for figure in figures:
        print(figure.line(), flush=True)
        yield figure


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    names = ", ".join(BENCHMARKS)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", type=_known, help=f"of {names}; all if none is named"
    )
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each figure")
    parser.add_argument("--small", action="store_true", help="a quick look, not a measurement")
    parser.add_argument("--save", action="store_true", help="keep the lines in benchmarks/results")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where the data lies while it is measured",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="a setting of the measured server, such as WAYBILL_BROKER_PROCESS=beside",
    )
    return parser


def _known(name: str) -> str:
    if name not in BENCHMARKS:
        raise argparse.ArgumentTypeError(
            f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}"
        )
    return name


def _setting(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"{text!r} has no '='; write NAME=VALUE")
    return text


if __name__ == "__main__":
    main()
