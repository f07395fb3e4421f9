"""The head of the log over HTTP: for whoever keeps it elsewhere, and can prove things with it."""

from typing import Annotated

import msgspec
from litestar import Response, get

from projections.views import timestamp
from service.anchor import log_head
from service.web import examples
from service.web.described import BUSY, Answer, described, json_of
from service.web.rooms import Rooms


class LogHeadView(msgspec.Struct, frozen=True, kw_only=True):
    """The last event of the log; ``recorded_at`` is ``null`` as long as there is none.

    ``chain`` seals every event up to ``position``: note the two down elsewhere, and
    ``waybill verify --anchor POSITION:CHAIN`` finds any later change to what is behind them.
    Positions of another ``epoch`` are those of another log.
    """

    position: int
    recorded_at: str | None
    chain: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    epoch: str


@get(
    "/v1/log/head",
    summary="The head of the log",
    tags=["operations"],
    opt=described(Answer(200, "The newest event.", (json_of(LogHeadView, examples.HEAD),)), BUSY),
)
async def get_log_head(rooms: Rooms) -> Response[LogHeadView]:
    """How far the log reaches, and the chain value that seals all of it."""
    head = await log_head(rooms.store)
    return Response(
        LogHeadView(
            position=head.position,
            recorded_at=timestamp(head.recorded_at),
            chain=head.chain.hex(),
            epoch=head.epoch,
        )
    )
