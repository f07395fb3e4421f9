"""Runs the programs that read a log, each in a process of its own."""

import asyncio
import sys
from pathlib import Path

import msgspec

from benchmarks.read_floor import Read


async def measured(program: str, *arguments: str | Path) -> Read:
    """Run ``python -m benchmarks.PROGRAM ARGUMENTS``; what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"benchmarks.{program}",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"benchmarks.{program} failed with {process.returncode}")
    return msgspec.json.decode(told, type=Read)
