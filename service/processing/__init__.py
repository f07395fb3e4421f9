"""Reads documents that may be hostile, each in a worker process with limits.

Read `outcome` first (what can come of a run), `processor` (what a processor is given and may
say) and `registry` (which ones there are); then `pdf`, the one that reads PDFs, with `complaints`,
and `result` with `result_writer` (the file it leaves). `pool` keeps the processes and `desks` the
line of those who wait; `child` is our end of one process, `worker` the other end with `progress`,
and `wire` what the two say to each other.
"""
