"""Statements about flow-control keys: what holds for each, who changes it, how much it is used."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select, update
from sqlalchemy.dialects.sqlite import insert

from service.broker.flow import FlowControl, FlowState
from service.broker.message import Place
from service.broker.rapid import Rapid, Row
from service.broker.tables import flow_keys, messages

__all__ = ["FlowWish", "change_flow_keys", "configure", "select_flow_keys", "state_of"]

READY = 0
MOST_SHOWN = 1000

_NEW = insert(flow_keys)
_CONFIGURED = Rapid(
    _NEW.on_conflict_do_update(
        index_elements=[flow_keys.c.key],
        # The newest message of a key decides for all of them, except where a pin holds.
        set_={
            "parallelism": case(
                (flow_keys.c.pinned_parallelism == 1, flow_keys.c.parallelism),
                else_=_NEW.excluded.parallelism,
            ),
            "rate": case(
                (flow_keys.c.pinned_rate == 1, flow_keys.c.rate), else_=_NEW.excluded.rate
            ),
            "period": case(
                (flow_keys.c.pinned_rate == 1, flow_keys.c.period), else_=_NEW.excluded.period
            ),
            "updated_at": _NEW.excluded.updated_at,
            "ready_at": READY,
        },
    )
)
_CREATED = _NEW.on_conflict_do_nothing(index_elements=[flow_keys.c.key])


def _count(place: Place) -> object:
    counted = select(func.count()).where(
        messages.c.finished_at.is_(None),
        messages.c.flow_key == flow_keys.c.key,
        messages.c.place == place.value,
    )
    return counted.scalar_subquery().label(place.value)


_SHOWN = select(flow_keys, _count(Place.PARKED), _count(Place.CLAIMED))  # type: ignore[call-overload] # labels are columns


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowWish:
    """A change of one key; what is None or False stays as it is.

    With `create` a key that is missing is made, otherwise the wish comes to nothing.
    `parallelism` and `rate` pin those values, `period` (seconds) goes with the rate.
    """

    key: str
    at: int
    create: bool = False
    paused: bool | None = None
    parallelism: int | None = None
    rate: int | None = None
    period: int | None = None
    unpin_parallelism: bool = False
    unpin_rate: bool = False
    reset_rate: bool = False


def configure(connection: Connection, flows: Iterable[FlowControl], *, at: int) -> None:
    """Notes what arriving messages say about their keys, the newest last; they are to be looked at.

    One message of each key is enough.
    """
    rows = [
        _row(flow.key, at=at, parallelism=flow.parallelism, rate=flow.rate, period=flow.period)
        for flow in flows
    ]
    _CONFIGURED.run_each(connection, rows)


def change_flow_keys(connection: Connection, wishes: Sequence[FlowWish]) -> list[bool]:
    """Pauses, resumes, pins, unpins and resets; says of each wish whether its key is there."""
    return [_change(connection, wish) for wish in wishes]


def select_flow_keys(
    connection: Connection, *, now: int, key: str | None = None, search: str | None = None
) -> list[FlowState]:
    """The key of this name, or up to a thousand that contain `search`, by name."""
    wanted = _SHOWN.order_by(flow_keys.c.key).limit(MOST_SHOWN)
    if key is not None:
        wanted = wanted.where(flow_keys.c.key == key)
    if search:
        wanted = wanted.where(func.instr(flow_keys.c.key, search) > 0)
    return [state_of(row, now=now) for row in connection.execute(wanted).mappings()]


def state_of(row: Row, *, now: int) -> FlowState:
    """The state of a key from its row, with how many messages wait and are in hand."""
    return FlowState(
        key=row["key"],
        parallelism=row["parallelism"],
        rate=row["rate"],
        period=row["period"],
        paused=bool(row["paused"]),
        pinned_parallelism=bool(row["pinned_parallelism"]),
        pinned_rate=bool(row["pinned_rate"]),
        period_start=row["period_start"],
        rate_count=row["rate_count"],
        waiting=row[Place.PARKED.value],
        active=row[Place.CLAIMED.value],
    ).at(now)


def _change(connection: Connection, wish: FlowWish) -> bool:
    if wish.create:
        connection.execute(_CREATED, [_row(wish.key, at=wish.at)])
    changes: dict[str, object] = {"updated_at": wish.at, "ready_at": READY}
    if wish.paused is not None:
        changes["paused"] = int(wish.paused)
    if wish.parallelism is not None:
        changes |= {"parallelism": wish.parallelism, "pinned_parallelism": 1}
    if wish.unpin_parallelism:
        changes["pinned_parallelism"] = 0
    changes |= _rate_changes(wish)
    changed = update(flow_keys).where(flow_keys.c.key == wish.key).values(**changes)
    return connection.execute(changed).rowcount > 0


def _rate_changes(wish: FlowWish) -> dict[str, object]:
    changes: dict[str, object] = {}
    if wish.rate is not None:
        changes |= {"rate": wish.rate, "pinned_rate": 1}
    if wish.period is not None:
        changes |= {"period": wish.period, "pinned_rate": 1}
    if wish.unpin_rate:
        changes["pinned_rate"] = 0
    if wish.reset_rate or wish.rate is not None or wish.period is not None:
        changes |= {"rate_count": 0, "period_start": wish.at}
    return changes


def _row(
    key: str,
    *,
    at: int,
    parallelism: int | None = None,
    rate: int | None = None,
    period: int = 1,
) -> dict[str, object]:
    return {
        "key": key,
        "parallelism": parallelism,
        "rate": rate,
        "period": period,
        "paused": 0,
        "pinned_parallelism": 0,
        "pinned_rate": 0,
        "period_start": at,
        "rate_count": 0,
        "updated_at": at,
        "ready_at": READY,
    }
