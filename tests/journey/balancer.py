"""What stands before several nodes: each new connection goes to the next of them."""

import itertools

from tests.line import Line


class Balancer(Line):
    """One address for nodes on these ports, which may be added and taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[int] = []
        self._turn = itertools.count()

    def behind(self) -> int:
        return self.ports[next(self._turn) % len(self.ports)]
