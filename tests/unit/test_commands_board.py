"""The board: what was heard, folded; it never goes backwards and never lies about being live."""

from service.commands.board import MOST_DOCUMENTS, Board, applied, changes, counted, in_view
from service.commands.document import Document
from service.commands.heard import Changed, Connected, Disconnected, Heard, Reset, Snapshot


def document(name: str, position: int, status: str = "processing") -> Document:
    final = status in ("succeeded", "failed", "cancelled")
    return Document(id=name, status=status, position=position, final=final)


def board_after(*story: Heard, only: frozenset[str] | None = None) -> Board:
    board = Board(only=only)
    for heard in story:
        board = applied(board, heard)
    return board


def test_a_newer_state_replaces_an_older_one_and_never_the_other_way_round() -> None:
    newer = document("a", 9, "succeeded")

    board = board_after(Changed(newer), Changed(document("a", 7)))

    assert board.documents == {"a": newer}


def test_documents_that_do_not_matter_are_let_go() -> None:
    board = board_after(
        Snapshot((document("a", 1), document("b", 2)), last=True),
        Changed(document("c", 3)),
        only=frozenset({"a"}),
    )

    assert set(board.documents) == {"a"}


def test_a_snapshot_counts_once_its_last_part_has_come() -> None:
    begun = board_after(Snapshot((document("a", 1),), last=False))
    ended = applied(begun, Snapshot((document("b", 2),), last=True))

    assert (dict(begun.documents), begun.complete) == ({}, False)
    assert (set(ended.documents), ended.complete) == ({"a", "b"}, True)


def test_what_a_snapshot_does_not_name_is_gone() -> None:
    board = board_after(
        Snapshot((document("a", 1), document("b", 2)), last=True),
        Snapshot((document("b", 2),), last=True),
    )

    assert set(board.documents) == {"b"}


def test_a_snapshot_that_was_cut_off_is_begun_anew() -> None:
    board = board_after(
        Snapshot((document("a", 1),), last=False),
        Disconnected("the cable"),
        Snapshot((document("b", 2),), last=True),
    )

    assert set(board.documents) == {"b"}


def test_a_snapshot_behind_what_is_known_takes_nothing_back() -> None:
    newer = document("a", 9, "succeeded")

    board = board_after(Changed(newer), Snapshot((document("a", 7),), last=True))

    assert board.documents == {"a": newer}


def test_after_a_reset_positions_from_before_mean_nothing() -> None:
    restored = document("a", 3)

    board = board_after(
        Changed(document("a", 9, "succeeded")),
        Reset("epoch"),
        Snapshot((restored,), last=True),
        Changed(document("a", 4, "failed")),
    )

    assert board.documents == {"a": document("a", 4, "failed")}


def test_all_are_final_only_when_each_one_was_heard_of() -> None:
    both = frozenset({"a", "b"})
    one = board_after(Changed(document("a", 1, "succeeded")), only=both)
    two = applied(one, Changed(document("b", 2, "cancelled")))

    assert not one.all_final
    assert two.all_final
    assert two.any_ended_badly


def test_everything_is_never_all_final() -> None:
    assert not board_after(Changed(document("a", 1, "succeeded"))).all_final


def test_the_board_says_whether_it_is_live() -> None:
    lost = board_after(Connected(), Disconnected("the cable"))

    assert (lost.live, lost.away_because) == (False, "the cable")
    assert applied(lost, Connected()).live


def test_what_ended_before_anybody_watched_is_no_change() -> None:
    old, moving = document("a", 1, "succeeded"), document("b", 2)
    before = Board(only=None)
    first = applied(before, Snapshot((old, moving), last=True))
    ended = applied(first, Changed(document("b", 3, "succeeded")))

    assert changes(before, first) == [moving]
    assert changes(first, ended) == [document("b", 3, "succeeded")]


def test_of_named_documents_the_first_snapshot_tells_all() -> None:
    before = Board(only=frozenset({"a"}))
    old = document("a", 1, "succeeded")

    assert changes(before, applied(before, Snapshot((old,), last=True))) == [old]


def test_the_oldest_finished_documents_make_room() -> None:
    ended = tuple(document(f"old-{n}", n, "succeeded") for n in range(MOST_DOCUMENTS))

    board = board_after(Snapshot(ended, last=True), Changed(document("new", 5000)))

    assert len(board.documents) == MOST_DOCUMENTS
    assert "new" in board.documents
    assert "old-0" not in board.documents


def test_documents_on_the_way_are_shown_before_finished_ones() -> None:
    board = board_after(
        Changed(document("a", 1)),
        Changed(document("b", 2, "succeeded")),
        Changed(document("c", 3, "failed")),
    )

    assert [each.id for each in in_view(board, 2)] == ["a", "c"]
    assert counted(board.documents.values()) == {"processing": 1, "succeeded": 1, "failed": 1}
