"""Ports for servers that have to come back at the address that they had."""

import random
import socket

LOWEST, HIGHEST = 12_000, 32_000
"""Below those that the kernel gives to connections that go out: it never takes one of ours away."""
TRIES = 100


def free_port() -> int:
    """A port that nobody has, and that nobody will have by chance."""
    for _ in range(TRIES):
        # Not pytest's own seed: several test processes choose at the same time.
        port = random.SystemRandom().randrange(LOWEST, HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"{TRIES} ports between {LOWEST} and {HIGHEST} were taken")
