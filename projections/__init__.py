"""What it means: tables folded from facts. Delete them and they come back.

``projection``  what a projection is: a keyed pure fold with a name and a version
``builds``      which tables a projection has, and which one readers use
``tables``, ``quarantine``  where that is recorded, and which rows do not go on
``folding``     a page of the log folded; what cannot be folded spoils little
``applying``    one table goes on: rows and checkpoint in one transaction
``runner``      keeps one projection up to date
``building``    makes it anew beside, and switches
``checking``    whether a table is what its events say
``documents``   one row per document; ``document_rows`` asks them
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
