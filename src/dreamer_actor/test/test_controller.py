from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamer_actor.controller import Controller
from dreamer_actor.exploration import RandomPolicy
from dreamer_learning.agent_config import load_agent
from dreamer_learning.policy import Policy
from dreamer_learning.spaces import ActionSpec, Task, load_task
from dreamer_node.refusals import Refused


@pytest.fixture
def task(config_dir: Path) -> Task:
    return load_task(config_dir, 'reach')


def make_policy(config_dir: Path, seed: int = 0) -> Policy:
    return Policy(load_agent(config_dir, 'small', 'tiny', {}), load_task(config_dir, 'reach'), 'cpu', seed)


def observe(index: int, envs: int = 1) -> dict[str, np.ndarray]:
    return {'state': np.tile(np.sin(index + np.arange(5)).astype(np.float32), (envs, 1))}


def first(value: bool, envs: int = 1) -> np.ndarray:
    return np.full(envs, value)


def run(controller: Controller[Any], indices: range, stream: int = 1, first_at: int = 0) -> list[np.ndarray]:
    return [controller.answer(stream, index, observe(index), first(index == first_at)).action for index in indices]


def test_random_actions_are_repeatable_from_the_seed(task: Task) -> None:
    actions = [np.concatenate(run(Controller(task, seed, 0, 'train'), range(200))) for seed in (3, 3, 4)]
    assert np.array_equal(actions[0], actions[1])
    assert not np.array_equal(actions[0], actions[2])


def test_random_actions_cover_the_range_and_are_held_for_three_quarters_of_a_second() -> None:
    policy = RandomPolicy(ActionSpec(3), 0, control_rate=20.0)
    actions = np.stack([policy.act(2) for _ in range(20_000)])
    assert actions.dtype == np.float32
    assert np.abs(actions).max() <= 1.0
    # Arcsine distribution on [-1, 1]: mean 0, variance 1/2.
    assert actions.mean() == pytest.approx(0.0, abs=0.05)
    assert actions.var() == pytest.approx(0.5, abs=0.03)
    changes = (np.diff(actions, axis=0) != 0).all(-1)
    assert np.array_equal(changes, (np.diff(actions, axis=0) != 0).any(-1))
    assert changes.mean() == pytest.approx(1 / 15, rel=0.1)


def test_random_choices_cover_all_of_them() -> None:
    choices = RandomPolicy(ActionSpec(4, discrete=True), 0, 20.0).act(200)
    assert choices.dtype == np.int32
    assert set(choices.tolist()) == {0, 1, 2, 3}


def test_random_until_a_policy_is_installed(config_dir: Path, task: Task) -> None:
    controller: Controller[Policy] = Controller(task, 0, 0, 'train')
    assert controller.answer(1, 0, observe(0), first(True)).version == 0
    assert controller.install(make_policy(config_dir), 7, 0) is None
    answer = controller.answer(1, 1, observe(1), first(False))
    assert answer.version == 7
    assert answer.latent['deter'].dtype == np.float16
    assert answer.latent['stoch'].dtype == np.uint8


def test_evaluation_waits_for_a_policy_and_does_not_act_at_random(config_dir: Path, task: Task) -> None:
    controller: Controller[Policy] = Controller(task, 0, 0, 'eval')
    with pytest.raises(Refused, match='no policy is there yet'):
        controller.answer(1, 0, observe(0), first(True))
    controller.install(make_policy(config_dir), 7, 0)
    # In lockstep the same observation comes again.
    assert controller.answer(1, 0, observe(0), first(True)).version == 7


def test_prefill_counts_the_steps_of_the_whole_run_and_not_in_evaluation(config_dir: Path, task: Task) -> None:
    def versions(mode: Any, known: int) -> list[int]:
        controller: Controller[Policy] = Controller(task, 0, 5, mode)
        controller.install(make_policy(config_dir), 7, known)
        return [controller.answer(1, index, observe(index), first(index == 0)).version for index in range(7)]

    assert versions('train', 0) == [0] * 5 + [7] * 2
    assert versions('train', 3) == [0] * 2 + [7] * 5
    assert versions('train', 100) == [7] * 7
    assert versions('eval', 0) == [7] * 7


def test_a_retry_gets_the_same_action_and_changes_nothing(config_dir: Path, task: Task) -> None:
    answers = []
    for retries in (0, 3):
        controller: Controller[Policy] = Controller(task, 0, 0, 'train')
        controller.install(make_policy(config_dir), 7, 0)
        for index in range(6):
            answer = controller.answer(1, index, observe(index), first(index == 0))
            for _ in range(retries):
                again = controller.answer(1, index, observe(index), first(index == 0))
                assert again.repeated
                assert np.array_equal(again.action, answer.action)
                assert again.version == answer.version
        answers.append(answer.action)
        assert controller.retries == 6 * retries
        assert controller.env_steps == 6
    assert np.array_equal(answers[0], answers[1])


@pytest.mark.parametrize('cause', ['is_first', 'gap', 'stream', 'random before'])
def test_the_recurrent_state_starts_anew(config_dir: Path, task: Task, cause: str) -> None:
    """After each cause the action is that of a policy that has seen nothing."""
    # Only training acts at random.
    mode: Any = 'train' if cause == 'random before' else 'eval'
    controller: Controller[Policy] = Controller(task, 0, 0, mode)
    policy = make_policy(config_dir)
    if cause == 'random before':
        run(controller, range(4))
    controller.install(policy, 7, 0)
    if cause != 'random before':
        run(controller, range(4))
    stream, index, flag = {
        'is_first': (1, 4, True), 'gap': (1, 6, False), 'stream': (2, 4, False), 'random before': (1, 4, False),
    }[cause]
    state = policy.generator.bit_generator.state
    answer = controller.answer(stream, index, observe(9), first(flag))
    policy.generator.bit_generator.state = state
    fresh, _, latent = policy.act(policy.initial(1), observe(9), first(True), mode)
    assert np.array_equal(answer.action, fresh)
    assert np.array_equal(answer.latent['deter'], latent['deter'])
    assert controller.gaps == (cause == 'gap')


def test_the_recurrent_state_goes_on_over_steps_and_new_weights(config_dir: Path, task: Task) -> None:
    controller: Controller[Policy] = Controller(task, 0, 0, 'eval')
    policy = make_policy(config_dir)
    controller.install(policy, 7, 0)
    run(controller, range(4))
    state = policy.generator.bit_generator.state
    other = make_policy(config_dir)
    other.generator.bit_generator.state = state
    assert controller.install(other, 8, 0) is policy
    answer = controller.answer(1, 4, observe(4), first(False))
    policy.generator.bit_generator.state = state
    fresh, *_ = policy.act(policy.initial(1), observe(4), first(True), 'eval')
    assert answer.version == 8
    assert not np.array_equal(answer.action, fresh)


def test_the_number_of_environments_may_change(config_dir: Path, task: Task) -> None:
    controller: Controller[Policy] = Controller(task, 0, 0, 'train')
    controller.install(make_policy(config_dir), 7, 0)
    controller.answer(1, 0, observe(0), first(True))
    answer = controller.answer(1, 1, observe(1, 3), first(False, 3))
    assert answer.action.shape == (3, 2)
    assert controller.env_steps == 4


@pytest.mark.parametrize(
    ('tensors', 'cause', 'text'),
    [
        ({'stat': np.zeros((1, 5), np.float32)}, 'observation_tensor_missing', "lacks tensor 'state'; did you mean 'stat'"),
        ({'state': np.zeros((1, 6), np.float32)}, 'observation_shape', r"'state' has shape \[6\], the task says \[5\]"),
        ({'state': np.zeros((1, 5), np.int32)}, 'observation_dtype', "'state' is int32, the task says float32"),
        ({'state': np.full((1, 5), np.nan, np.float32)}, 'observation_not_finite', "'state' holds NaN"),
    ],
)
def test_an_observation_that_does_not_fit_is_refused_and_nothing_changes(
    task: Task, tensors: dict[str, np.ndarray], cause: str, text: str
) -> None:
    controller: Controller[Policy] = Controller(task, 0, 0, 'train')
    run(controller, range(2))
    with pytest.raises(Refused, match=text) as refused:
        controller.answer(1, 2, tensors, first(False))
    assert refused.value.cause == cause
    assert not controller.answer(1, 2, observe(2), first(False)).repeated
    assert controller.gaps == 0


def test_an_old_observation_is_refused(task: Task) -> None:
    controller: Controller[Policy] = Controller(task, 0, 0, 'train')
    run(controller, range(3))
    with pytest.raises(Refused, match='step 1 came after step 2'):
        controller.answer(1, 1, observe(1), first(False))


def test_an_action_that_is_not_finite_is_refused_and_the_state_starts_anew(config_dir: Path, task: Task) -> None:
    controller: Controller[Policy] = Controller(task, 0, 0, 'eval')
    controller.install(make_policy(config_dir), 7, 0)
    run(controller, range(2))
    huge = {'state': np.full((1, 5), np.finfo(np.float32).max, np.float32)}
    controller.install(_broken(make_policy(config_dir)), 8, 0)
    with pytest.raises(Refused, match='version 8 chose an action of NaN'):
        controller.answer(1, 2, huge, first(False))
    controller.install(make_policy(config_dir), 9, 0)
    assert np.isfinite(controller.answer(1, 2, observe(2), first(False)).action).all()


def _broken(policy: Policy) -> Policy:
    for parameter in policy.networks.actor.parameters():
        parameter.fill_(float('nan'))
    return policy
