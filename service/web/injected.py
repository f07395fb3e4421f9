"""Collaborators that a route may ask for by name, where their type is a protocol.

Litestar checks what it injects with ``isinstance``, which a protocol does not answer.
"""

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from events.store import EventStore
from service.clock import Clock
from service.storage import ObjectStore

Storage = NamedDependency[SkipValidation[ObjectStore]]
Log = NamedDependency[SkipValidation[EventStore]]
Now = NamedDependency[SkipValidation[Clock]]
