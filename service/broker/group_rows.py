"""Statements about URL groups: find, list, change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, RowMapping, delete, select
from sqlalchemy.dialects.sqlite import insert

from service.broker.groups import Endpoint, Group
from service.broker.message import Headers
from service.broker.tables import url_groups

__all__ = ["GroupChange", "change_groups", "find_group", "select_groups"]

_encode = msgspec.json.Encoder().encode
_endpoints = msgspec.json.Decoder(tuple[Endpoint, ...])
_defaults = msgspec.json.Decoder(Headers)
_KEEP = insert(url_groups)
_KEEP = _KEEP.on_conflict_do_update(
    index_elements=[url_groups.c.name],
    set_={name: _KEEP.excluded[name] for name in ("updated_at", "endpoints", "defaults")},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """What to make of the group of this name; None stands for no group, on both sides."""

    name: str
    make: Callable[[Group | None], Group | None]


def find_group(connection: Connection, name: str) -> Group | None:
    """The group of this name."""
    found = connection.execute(select(url_groups).where(url_groups.c.name == name))
    row = found.mappings().one_or_none()
    return None if row is None else _group(row)


def select_groups(connection: Connection) -> list[Group]:
    """All groups, by name."""
    rows = connection.execute(select(url_groups).order_by(url_groups.c.name)).mappings()
    return [_group(row) for row in rows]


def change_groups(connection: Connection, changes: Sequence[GroupChange]) -> list[Group | None]:
    """Makes what is asked of groups; gives what they are afterwards."""
    return [_change(connection, change) for change in changes]


def _change(connection: Connection, change: GroupChange) -> Group | None:
    before = find_group(connection, change.name)
    after = change.make(before)
    if after is None:
        connection.execute(delete(url_groups).where(url_groups.c.name == change.name))
    elif after != before:
        connection.execute(_KEEP, _row(after))
    return after


def _row(group: Group) -> dict[str, object]:
    return {
        "name": group.name,
        "created_at": group.created_at,
        "updated_at": group.updated_at,
        "endpoints": _encode(group.endpoints),
        "defaults": _encode(group.defaults),
    }


def _group(row: RowMapping) -> Group:
    return Group(
        name=row["name"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        endpoints=_endpoints.decode(row["endpoints"]),
        defaults=_defaults.decode(row["defaults"]),
    )
