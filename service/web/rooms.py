"""What the routes work with: the service's rooms, as one thing that a route asks for.

One thing and not a dozen, because Litestar starts a task group to resolve several: that cost more
than many a route's own work.
"""

from dataclasses import dataclass

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from events.store import EventStore
from projections.catalog import Catalog
from projections.lookups import Lookups
from projections.past import Past
from service.attempts import Attempts
from service.clock import Clock
from service.deliveries import Deliveries
from service.documents import Documents
from service.feed.hub import Hub
from service.metrics import Metrics
from service.settings import Settings
from service.storage import ObjectStore
from service.uploads import Uploads
from service.vitals import Vitals
from service.web.doorkeeper import Doorkeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRooms:
    """The rooms of the running service; ``service.app`` opens them."""

    attempts: Attempts
    catalog: Catalog
    clock: Clock
    deliveries: Deliveries
    documents: Documents
    doorkeeper: Doorkeeper
    hub: Hub
    lookups: Lookups
    metrics: Metrics
    past: Past
    settings: Settings
    storage: ObjectStore
    store: EventStore
    uploads: Uploads
    vitals: Vitals


Rooms = NamedDependency[SkipValidation[ServiceRooms]]
"""The type of a route's parameter ``rooms``."""
