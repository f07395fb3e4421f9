"""One measured figure as one JSON line."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

Conditions = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The median of some rounds, with the floor and the peer measured in the same rounds."""

    bench: str
    value: float
    unit: str
    floor: float | None = None
    peer: float | None = None
    peer_name: str | None = None
    conditions: Conditions = field(default_factory=dict)

    def line(self) -> str:
        """The figure as JSON, with its ratios: the value divided by the floor, and by the peer."""
        conditions = dict(self.conditions)
        told = {name: _short(value) for name, value in asdict(self).items() if name != "conditions"}
        return json.dumps(
            {
                **told,
                "ratio_to_floor": _ratio(self.value, self.floor),
                "ratio_to_peer": _ratio(self.value, self.peer),
                "conditions": {name: _short(value) for name, value in conditions.items()},
            }
        )


def _ratio(value: float, other: float | None) -> float | None:
    return round(value / other, 3) if other else None


def _short(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
