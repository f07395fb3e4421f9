"""The live feed: snapshot, then live, on one cursor; a gap is said, never hidden.

``cursor``      where a client is in the log, as text
``frames``      every message of the stream as bytes
``limits``      how much of everything
``reader``      what the feed asks of the tables
``opening``     from a cursor to the first messages of a stream
``client``      one open stream: what it was sent, what waits for it
``listeners``   who listens to which document
``delivery``    writing to clients without waiting for the slow ones
``admission``   who may open another stream
``heartbeat``   beats, ages and the stuck
``hub``         all of it together, once per process
``polling``     the same for clients that cannot stream
"""

from service.feed.hub import Hub
from service.feed.limits import FeedLimits, within_descriptors

__all__ = ["FeedLimits", "Hub", "within_descriptors"]
