"""What an answer means, and what is written then."""

import itertools

import msgspec
import pytest
from msgspec.structs import replace

from service.broker.message import MOVES, Callback, Message, Options, Place, State, legal
from service.broker.outcome import Answer, Delivered, GiveUp, NoAnswer, TryAgain, judge
from service.broker.settlement import Settlement, dead_letter_name, dropped, settle
from tests.fakes import START

MESSAGE = Message(
    id="msg_1",
    url="https://example.com/work",
    headers=(("X-Own", "1"),),
    body=b"body",
    options=Options(retries=2),
    created_at=START,
    not_before=START,
    due_at=START,
    sequence=7,
)
WITH_CALLBACKS = replace(
    MESSAGE,
    options=Options(
        retries=0,
        callback=Callback(url="https://example.com/every"),
        failure_callback=Callback(url="https://example.com/last", retries=9, delay=60),
    ),
)


def settled(message: Message, answer: Answer | NoAnswer) -> Settlement:
    numbers = itertools.count(1)
    return settle(
        message,
        answer,
        started_at=START,
        ended_at=START + 5,
        dead_letter_id=1725323658779001,
        new_id=lambda: str(next(numbers)),
    )


def states(settlement: Settlement) -> list[State]:
    return [entry.state for entry in settlement.entries]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_delivers(status: int) -> None:
    assert judge(MESSAGE, Answer(status=status), at=START) == Delivered()


@pytest.mark.parametrize("answer", [Answer(status=302), Answer(status=500), NoAnswer(reason="x")])
def test_anything_else_is_tried_again(answer: Answer | NoAnswer) -> None:
    assert judge(MESSAGE, answer, at=START) == TryAgain(START + 12_000_000)


def test_the_last_retry_gives_up() -> None:
    assert judge(replace(MESSAGE, retried=2), Answer(status=500), at=START) == GiveUp()


def test_489_gives_up_only_with_its_header() -> None:
    headers = (("Upstash-NonRetryable-Error", "True"),)

    assert judge(MESSAGE, Answer(status=489, headers=headers), at=START) == GiveUp()
    assert isinstance(judge(MESSAGE, Answer(status=489), at=START), TryAgain)
    assert isinstance(judge(MESSAGE, Answer(status=500, headers=headers), at=START), TryAgain)


def test_a_delivery_is_logged_and_finished() -> None:
    settlement = settled(MESSAGE, Answer(status=200))

    assert states(settlement) == [State.ACTIVE, State.DELIVERED]
    assert settlement.place is Place.FINISHED


def test_a_failure_is_logged_with_its_answer_and_the_next_time() -> None:
    settlement = settled(MESSAGE, Answer(status=503, body=b"x" * 20_000))

    assert states(settlement) == [State.ACTIVE, State.ERROR, State.RETRY]
    assert settlement.place is Place.WAITING
    assert settlement.due_at == settlement.entries[2].next_delivery_at == START + 12_000_005
    logged = settlement.entries[1].answer
    assert logged is not None
    assert len(logged.body) == 8192


def test_giving_up_leaves_a_dead_letter_with_the_whole_answer() -> None:
    settlement = settled(replace(MESSAGE, retried=2), Answer(status=500, body=b"x" * 20_000))

    assert states(settlement) == [State.ACTIVE, State.ERROR, State.FAILED]
    assert settlement.dead_letter is not None
    assert settlement.dead_letter.answer is not None
    assert len(settlement.dead_letter.answer.body) == 20_000


def test_a_message_cancelled_meanwhile_ends_there() -> None:
    failed = settled(WITH_CALLBACKS, NoAnswer(reason="x")).cancelled()
    retried = settled(MESSAGE, NoAnswer(reason="x")).cancelled()
    delivered = settled(MESSAGE, Answer(status=200))

    assert states(failed) == states(retried) == [State.ACTIVE, State.ERROR, State.CANCELED]
    assert failed.dead_letter is None
    assert failed.callbacks == ()
    assert retried.place is Place.FINISHED
    assert delivered.cancelled() == delivered


def test_callbacks_tell_of_the_attempt_and_of_the_end() -> None:
    every, last = settled(WITH_CALLBACKS, Answer(status=500, body=b"no")).callbacks

    assert (every.id, every.url, every.options.retries) == ("msg_1", "https://example.com/every", 0)
    assert (last.options.retries, last.due_at) == (9, START + 5 + 60_000_000)
    told = msgspec.json.decode(last.body)
    assert told == {
        "status": 500,
        "header": {},
        "body": "bm8=",
        "retried": 0,
        "maxRetries": 0,
        "sourceMessageId": "msg_1",
        "url": "https://example.com/work",
        "method": "POST",
        "sourceHeader": {"X-Own": "1"},
        "sourceBody": "Ym9keQ==",
        "createdAt": START // 1000,
        "notBefore": START // 1000,
        "dlqId": "1725323658779-1",
    }
    assert "dlqId" not in msgspec.json.decode(every.body)
    assert every.options.callback is None


def test_a_network_failure_is_told_with_status_0_and_its_reason() -> None:
    told = msgspec.json.decode(settled(WITH_CALLBACKS, NoAnswer(reason="gone")).callbacks[0].body)

    assert (told["status"], told["body"]) == (0, "Z29uZQ==")


def test_a_dead_letters_name_is_shaped_as_qstashs() -> None:
    assert dead_letter_name(1725323658779000) == "1725323658779-0"


@pytest.mark.parametrize("answer", [Answer(status=200), Answer(status=500), NoAnswer(reason="x")])
@pytest.mark.parametrize("retried", [0, 2])
def test_every_outcome_continues_a_legal_log(answer: Answer | NoAnswer, retried: int) -> None:
    settlement = settled(replace(MESSAGE, retried=retried), answer)
    requested = [State.CREATED, State.CANCEL_REQUESTED]

    assert legal([State.CREATED, *states(settlement)])
    assert legal([*requested, *states(settlement.cancelled())])
    assert legal([*requested, *states(dropped(MESSAGE, at=START))])


def test_illegal_logs_are_told_apart() -> None:
    assert not legal([])
    assert not legal([State.ACTIVE])
    assert not legal([State.CREATED, State.DELIVERED])
    assert not legal([State.CREATED, State.ACTIVE, State.DELIVERED, State.ACTIVE])
    assert not legal(
        [State.CREATED, State.CANCEL_REQUESTED, State.ACTIVE, State.ERROR, State.RETRY]
    )
    assert set(MOVES) == set(State)
