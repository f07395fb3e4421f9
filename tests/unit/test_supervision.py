"""A loop that fails is started again; an outage is no failure of the loop."""

from events.errors import LogUnavailable
from service.supervision import outage_of


def test_an_outage_is_found_in_a_group_that_met_nothing_else() -> None:
    outage = LogUnavailable("the disk is full")

    assert outage_of(outage) is outage
    assert outage_of(ExceptionGroup("tasks", [ExceptionGroup("inner", [outage])])) is outage
    assert outage_of(ExceptionGroup("tasks", [outage, ValueError()])) is None
    assert outage_of(ValueError()) is None
