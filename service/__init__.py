"""Who talks to whom: HTTP, QStash, worker processes, storage, commands.

Read `settings` and `clock` first, then `documents` (the verbs), `dispatcher` and `deliveries` (work
out, work in), `feed` (who listens), `web` (the doors), and `app`, which puts it all together.
"""

__version__ = "0.1.0"
