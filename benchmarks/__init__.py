"""What Waybill costs, next to what the machine could do and what others do.

``__main__``       the command: which benchmarks, how often, where
``session``        what every benchmark is given: a folder, the number of rounds, the sizes
``figure``         one measured figure as one JSON line
``rounds``         medians, spreads, percentiles
``machine``        the conditions that are printed with each figure
``saving``         keeps the lines of a run

One benchmark is one module with ``run``: ``append``, ``documents``, ``large``, ``memory``,
``upload_memory``, ``startup``. Beside it lies its floor (``append_floor``, ``http_floor``,
``pdf_floor``): the least that any program would have to do on this machine for the same result.
``peers/`` holds other people's programs, which run in an environment of their own. ``job_queues``
(the benchmark ``peers``) is ours beside other job queues: ``job_peers`` says which and how they are
set up, ``job_run`` runs them, ``redis_server`` is what two of them need.

The load comes from ``load`` over ``http_client`` and ``watcher``; they are cheap on purpose, for
they share the processor with what they measure.
"""
