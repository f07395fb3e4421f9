"""What is printed of ours beside other job queues, and of those that are not installed."""

from dataclasses import replace
from pathlib import Path

from benchmarks.job_peers import BULLMQ, CELERY
from benchmarks.job_queues import Beside, Way, figure_of, ours_of
from benchmarks.job_run import Drained, shares_of
from benchmarks.redis_server import version_in
from benchmarks.session import SMALL, Session

SESSION = Session(folder=Path(), rounds=1, sizes=SMALL, machine={}, settings={})
DRAINED = Drained(jobs=400, seconds=2.0, enqueuing_seconds=1.0, version="BullMQ 6, Redis 7")
ALONE = Way(batch=1, workers=1)
BATCHED = Way(batch=100, workers=1)


def test_ours_is_divided_by_theirs_of_the_same_kind() -> None:
    alone, batched, _ = ours_of(SESSION)
    batches = [replace(DRAINED, seconds=1.0)]
    beside = Beside(peer=BULLMQ, missing=None, rounds={ALONE: [DRAINED], BATCHED: batches})
    alone.rates.append(100.0)
    batched.rates.append(100.0)

    one, other = (figure_of(SESSION, own, beside) for own in (alone, batched))

    assert (one.bench, one.peer, one.peer_name) == (
        "peers/deliver/bullmq",
        200.0,
        "BullMQ 6, Redis 7",
    )
    assert one.conditions["peer_enqueues"] == "one by one"
    assert one.conditions["peer_jobs_a_second_while_enqueuing"] == 400.0
    assert other.peer == 400.0
    assert other.conditions["peer_enqueues"] == "in batches of 100"


def test_a_peer_is_taken_with_the_workers_that_make_it_fastest() -> None:
    alone, _, _ = ours_of(SESSION)
    alone.rates.append(100.0)
    slow, fast = [DRAINED], [replace(DRAINED, seconds=0.5)]
    rounds = {ALONE: slow, Way(batch=1, workers=2): fast}

    figure = figure_of(SESSION, alone, Beside(peer=BULLMQ, missing=None, rounds=rounds))

    assert figure.peer == 800.0
    assert figure.conditions["peer_workers"] == 2
    assert figure.conditions["peer_by_workers"] == {1: 200.0, 2: 800.0}


def test_a_peer_that_cannot_batch_is_said_to_go_one_by_one() -> None:
    _, batched, _ = ours_of(SESSION)
    batched.rates.append(100.0)

    figure = figure_of(
        SESSION, batched, Beside(peer=CELERY, missing=None, rounds={ALONE: [DRAINED]})
    )

    assert figure.peer == 200.0
    assert "no call that enqueues several" in str(figure.conditions["peer_enqueues"])


def test_a_peer_that_is_not_installed_has_a_line_that_says_so_and_no_figure() -> None:
    alone, _, _ = ours_of(SESSION)
    alone.rates.append(100.0)

    figure = figure_of(SESSION, alone, Beside(peer=CELERY, missing="install redis-server"))

    assert (figure.value, figure.peer, figure.peer_name) == (100.0, None, None)
    assert figure.conditions["peer_missing"] == "Celery, Redis: install redis-server"


def test_producers_share_all_jobs() -> None:
    assert shares_of(10, 3) == [4, 3, 3]
    assert shares_of(3, 1) == [3]


def test_redis_is_asked_for_its_version() -> None:
    assert version_in("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1") == "7.0.15"
    assert version_in("something else") == "of unknown version"
