"""Steps, robot time, rewards and episodes."""

import dataclasses

import numpy as np
import pytest
from made import made

from dreamer_monitor.accounting import LONGEST_STEP, Accounting, Rate


def test_steps_and_time() -> None:
    account = Accounting()
    for step in range(21):
        account.add(made(step))
    assert account.steps == account.env_steps == 21
    assert account.robot_time == pytest.approx(1.0)


def test_a_clock_that_is_set_is_no_robot_time() -> None:
    account = Accounting()
    for stamp in (0.0, 0.05, 1.7e9):
        account.add(dataclasses.replace(made(round(min(stamp, 0.1) / 0.05)), stamp=stamp))
    assert account.steps == 3
    assert account.robot_time <= 0.05 + LONGEST_STEP


def test_a_repeated_step_counts_once() -> None:
    account = Accounting()
    for step in (0, 1, 1, 0, 2):
        account.add(made(step))
    assert account.steps == 3
    assert account.reward.count == 2


def test_a_gap_counts_its_steps_but_its_episode_does_not() -> None:
    account = Accounting()
    for step in [*range(5), *range(8, 20)]:
        account.add(made(step))
    assert (account.steps, account.gaps, account.missing) == (20, 1, 3)
    assert account.robot_time == pytest.approx(0.95)
    assert account.episodes == 1


def test_the_first_step_of_an_episode_has_no_reward() -> None:
    account = Accounting()
    ended = [episode for step in range(20) for episode in account.add(made(step, reward=step))[1]]
    assert [episode.steps for episode in ended] == [9, 9]
    assert ended[0].reward == pytest.approx(5.0)
    assert ended[0].score == pytest.approx(45.0)
    assert ended[1].reward == pytest.approx(15.0)
    assert ended[1].end == pytest.approx(0.95)
    assert account.reward.count == 18
    assert account.reward.value == pytest.approx(10.0)


def test_environments_are_counted_one_by_one() -> None:
    account = Accounting()
    for step in range(10):
        item = made(step, environments=3)
        item.reward = item.reward * np.arange(3, dtype=np.float32)
        rewards, ended = account.add(item)
    assert (account.steps, account.env_steps, account.episodes) == (10, 30, 3)
    assert [episode.reward for episode in ended] == [0.0, 1.0, 2.0]
    assert (rewards.total, rewards.count) == (3.0, 3)


def test_a_new_stream_adds_no_time_between() -> None:
    account = Accounting()
    for step in range(5):
        account.add(made(step))
    late = made(0, stream=8)
    late.stamp = 5000.0
    account.add(late)
    assert account.robot_time == pytest.approx(0.2)
    assert account.steps == 6
    assert account.gaps == 0


def test_the_running_reward_forgets_after_five_minutes() -> None:
    account = Accounting()
    for step in range(5 * 60 * 20):
        account.add(made(step, reward=2.0))
    assert account.running_reward == pytest.approx(2.0)
    for step in range(5 * 60 * 20, 7 * 60 * 20):
        account.add(made(step, reward=7.0))
    assert account.running_reward == pytest.approx(4.0, abs=0.05)
    for step in range(7 * 60 * 20, 11 * 60 * 20):
        account.add(made(step, reward=7.0))
    assert account.running_reward == pytest.approx(7.0)


def test_rate() -> None:
    rate = Rate(window=10.0)
    assert rate.update(0.0, 0) == 0.0
    for second in range(1, 31):
        value = rate.update(float(second), 20 * second if second <= 10 else 200)
    assert value == 0.0
    assert rate.update(31.0, 300) == pytest.approx(10.0)
