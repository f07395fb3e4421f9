"""Collaborators that a route may ask for by name, where their type is a protocol.

Litestar checks what it injects with ``isinstance``, which a protocol does not answer.
"""

from litestar.params import SkipValidation

from events.store import EventStore
from service.clock import Clock
from service.storage import ObjectStore

Storage = SkipValidation[ObjectStore]
Log = SkipValidation[EventStore]
Now = SkipValidation[Clock]
