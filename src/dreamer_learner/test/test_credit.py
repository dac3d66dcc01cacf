import math

import pytest

from dreamer_learner.credit import TrainCredit


def updates(credit: TrainCredit, steps: int) -> int:
    """Take `steps` one by one, updating as soon as it is due."""
    count = 0
    for _ in range(steps):
        credit.add(1)
        while credit.due():
            credit.spend()
            count += 1
    return count


@pytest.mark.parametrize(('ratio', 'expected'), [(512.0, 50), (32.0, 4), (100.0, 10), (0.5, 1)])
def test_updates_follow_the_ratio_from_fill_on(ratio: float, expected: int) -> None:
    # 100 steps after fill pay for 100 * ratio / 1024 updates; the first one is due at fill.
    credit = TrainCredit(ratio, batch=16, length=64, fill=20)
    assert updates(credit, 19) == 0
    assert updates(credit, 1) == 1
    assert updates(credit, 99) == expected - 1


def test_ratio_0_is_always_due_after_fill() -> None:
    credit = TrainCredit(0.0, 16, 64, fill=5)
    credit.add(4)
    assert not credit.due()
    credit.add(1)
    for _ in range(100):
        assert credit.due()
        credit.spend()
    assert math.isinf(credit.allowed())


def test_the_environment_may_go_exactly_to_the_step_that_makes_an_update_due() -> None:
    credit = TrainCredit(ratio=16.0, batch=4, length=16, fill=10)
    for _ in range(30):
        credit.add(int(credit.allowed()) - credit.steps - 1)
        assert not credit.due()
        credit.add(1)
        assert credit.due()
        credit.spend()
    assert credit.steps == 10 + 29 * 4


def test_resume_continues_the_same_account() -> None:
    first = TrainCredit(100.0, 16, 64, fill=20)
    updates(first, 57)
    second = TrainCredit(100.0, 16, 64, fill=20)
    second.load_state_dict(first.state_dict())
    assert updates(first, 200) == updates(second, 200)


def test_another_ratio_starts_without_debt() -> None:
    first = TrainCredit(1.0, 16, 64, fill=20)
    updates(first, 5000)
    second = TrainCredit(1024.0, 16, 64, fill=20)
    second.load_state_dict(first.state_dict())
    assert updates(second, 10) == 10 + 1


def test_postponed_credit_leaves_no_debt() -> None:
    credit = TrainCredit(1024.0, 16, 64, fill=20)
    credit.add(50)
    credit.postpone(64)
    assert not credit.due()
    assert credit.allowed() == 114
    assert updates(credit, 64) == 1
