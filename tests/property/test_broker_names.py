"""Names, endpoints, defaults and limits are understood or refused by name, whatever they are."""

from hypothesis import given
from hypothesis import strategies as st

from service.broker.errors import Malformed
from service.broker.flow import flow_control
from service.broker.groups import Group, added, defaults_in, endpoints_in, removed
from service.broker.names import checked_name, is_name

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just("http://a"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["endpoints", "headers", "url", "name", "Upstash-Retries"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.text(max_size=20))
def test_a_name_is_one_or_refused(text: str) -> None:
    try:
        assert checked_name(text, of="queue name") == text
    except Malformed as error:
        assert "queue name" in str(error)
        assert not is_name(text)


@given(anything, st.booleans())
def test_endpoints_are_read_or_refused(document: object, to_remove: bool) -> None:
    try:
        endpoints = endpoints_in(document, to_remove=to_remove)
    except Malformed:
        return
    group = added(Group(name="g", created_at=0, updated_at=0), endpoints, at=1)
    assert removed(group, endpoints, at=2).endpoints == ()
    names = [one.name for one in group.endpoints if one.name]
    assert len(set(names)) == len(names)


@given(anything)
def test_defaults_are_read_or_refused(document: object) -> None:
    try:
        pairs = defaults_in(document)
    except Malformed:
        return
    assert all(name == name.lower() for name, _ in pairs)


@given(st.text(max_size=10), st.text("parleismdo=,0123456789 sm", max_size=40))
def test_flow_control_is_read_or_refused_by_name(key: str, value: str) -> None:
    try:
        flow = flow_control(key, value)
    except Malformed as error:
        assert "Upstash-Flow-Control" in str(error)
        return
    assert flow.period >= 1
    assert (flow.parallelism or 1) >= 1
    assert (flow.rate or 1) >= 1
