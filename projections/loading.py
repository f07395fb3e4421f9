"""Projections of your own, named in the settings as ``module:Class``; a broken one stops nobody."""

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from projections import PROJECTIONS
from projections.projection import Projection

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""It becomes part of the names of tables and indexes, which have at most 63 characters."""
MOST_VERSIONS = 1_000_000


class CannotBeUsed(Exception):
    """What is named in the settings is no projection; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The projections that can be used, and what is wrong with the others, by their names."""

    projections: Sequence[Projection[Any]]
    failures: Mapping[str, str]


def load_projections(own: str) -> Loaded:
    """Those of ``own``: ``module:Class, ...``; imports the modules."""
    found: list[Projection[Any]] = []
    failures: dict[str, str] = {}
    for target in filter(None, (part.strip() for part in own.split(","))):
        try:
            found.append(_loaded(target, taken=[one.name for one in (*PROJECTIONS, *found)]))
        except CannotBeUsed as error:
            failures[target] = str(error)
    return Loaded(found, failures)


def _loaded(target: str, *, taken: Sequence[str]) -> Projection[Any]:
    projection = _made(target)
    name, version = getattr(projection, "name", None), getattr(projection, "version", None)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise CannotBeUsed(
            f"its name is {name!r}; a name has up to 40 lower-case letters, digits and _"
        )
    if name in taken:
        raise CannotBeUsed(f"the name {name!r} is taken; give it another one")
    if type(version) is not int or not 1 <= version <= MOST_VERSIONS:
        raise CannotBeUsed(f"its version is {version!r}; a version is a whole number from 1")
    table = getattr(projection, "table", None)
    if not isinstance(table, Table) or not {"key", "state"} <= set(table.columns.keys()):
        raise CannotBeUsed("its table has no columns key and state; make it with projected_table")
    if type(projection).decode is Projection.decode and not hasattr(projection, "state"):
        raise CannotBeUsed("it has no `state`, the type of a row's state")
    return projection


def _made(target: str) -> Projection[Any]:
    module, _, name = target.partition(":")
    if not all(word.isidentifier() for word in (*module.split("."), name)):
        raise CannotBeUsed("write it as package.module:Class")
    try:
        made = getattr(importlib.import_module(module), name)()
    except (Exception, SystemExit) as error:  # whatever a module of somebody else does
        raise CannotBeUsed(f"{type(error).__name__}: {error}") from error
    if not isinstance(made, Projection):
        raise CannotBeUsed("it is no subclass of projections.projection.Projection")
    return made
