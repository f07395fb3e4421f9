"""What the process has loaded from which `tests/forking.py` forks: the product, ready to begin."""

import gc
from importlib import import_module

WHEN_STARTED = (
    "aiosqlite",
    "anyio._backends._asyncio",
    "httpcore",
    "httptools",
    "litestar.plugins.attrs",
    "litestar.plugins.pydantic",
    "pydantic.v1",
    "service.app",
    "service.commands.client",
    "service.commands.loading",
    "service.commands.parser",
    "service.commands.sending",
    "service.hosting",
    "service.reading",
    "service.serving",
    "service.serving_broker",
    "service.transfer.export",
    "tests.broker_process",
    "typer._adapters",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)
"""Some of these load themselves only when they are used; the process that forks uses nothing."""

for name in WHEN_STARTED:
    import_module(name)
# What is loaded stays as it is in every process that is forked: the collector need not touch it.
gc.freeze()
