"""What it means: tables folded from facts. Delete them and they come back.

``projection``  what a projection is: a keyed pure fold with a name and a version
``runner``      applies events and moves the checkpoint in one transaction
``documents``   one row per document, and its queries
``queues``      the queue by the minute, and what waits now
``past``        documents and the queue at any past position
``views``       a document as everybody outside sees it
"""

from typing import Any

from projections.documents import Documents
from projections.projection import Projection
from projections.queues import QueueMinutes

PROJECTIONS: tuple[Projection[Any], ...] = (Documents(), QueueMinutes())
"""Every read model of the product."""
