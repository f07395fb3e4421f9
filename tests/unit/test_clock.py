"""Ids: they sort by the time they were made, and never come twice."""

import uuid

from service.clock import crockford, document_id, jitter, new_id, system_clock


def test_an_id_is_a_uuid_of_version_seven() -> None:
    made = uuid.UUID(new_id())

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert str(made) == str(made).lower()


def test_an_id_holds_the_time_it_was_made() -> None:
    before = system_clock() // 1_000

    milliseconds = uuid.UUID(new_id()).int >> 80

    assert before <= milliseconds <= before + 60_000


def test_later_ids_sort_later_even_within_a_millisecond() -> None:
    ids = [new_id() for _ in range(10_000)]

    assert ids == sorted(set(ids))


def test_a_document_id_is_short_and_sorts_by_time() -> None:
    ids = [document_id() for _ in range(1_000)]

    assert ids == sorted(set(ids))
    assert all(len(each) == 30 and each.startswith("doc_") for each in ids)


def test_crockford_keeps_the_number_and_leaves_out_letters_that_look_alike() -> None:
    assert crockford(0) == "0" * 26
    assert crockford((1 << 128) - 1) == "7" + "z" * 25
    assert not set("ilou") & set(crockford(int("0123456789abcdef" * 2, 16)))


def test_jitter_stays_within_its_bounds() -> None:
    assert all(1.0 <= jitter(1.0, 2.0) <= 2.0 for _ in range(100))
