from typing import Literal

import numpy as np
import pytest
import torch
from learning_toys import CONFIG_DIR, small_config, small_task

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig, load_agent
from dreamer_learning.array_networks import one_hot_sample
from dreamer_learning.distributions import sample_one_hot
from dreamer_learning.policy import Policy
from dreamer_learning.spaces import Task


def both_ways(config: AgentConfig, task: Task, discrete: bool, mode: Literal['train', 'eval']) -> None:
    """Eight steps of three environments, one of which starts anew in between."""
    agent = Agent(config, task, seed=1)
    for name, parameter in agent.networks.named_parameters():
        # Scales and biases that are not 1 and 0, heads that do not start at zero.
        parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name))))
    arrays, tensors = Policy(config, task, seed=2), Policy(config, task, seed=2, arrays=False)
    rng = np.random.default_rng(0)
    carries = []
    for policy in (arrays, tensors):
        policy.load(agent.policy_parameters())
        carries.append(policy.initial(3))
    for t in range(8):
        obs = {name: rng.normal(0, 3, (3, *spec.shape)).astype(np.float32) for name, spec in task.observation.items()}
        first = np.array([t == 0, t in (0, 4), t == 0])
        results = [policy.act(carry, obs, first, mode) for policy, carry in zip((arrays, tensors), carries)]
        carries = [result[1] for result in results]
        (one, _, latent), (other, _, expected) = results
        assert one.dtype == other.dtype == (np.int32 if discrete else np.float32)
        np.testing.assert_allclose(one, other, atol=1e-5)
        np.testing.assert_allclose(carries[0].deter, carries[1].deter, atol=1e-5)
        np.testing.assert_array_equal(latent['stoch'], expected['stoch'])
        np.testing.assert_array_equal(carries[0].stoch, carries[1].stoch)
        assert latent['deter'].dtype == expected['deter'].dtype


@pytest.mark.parametrize('discrete', [False, True])
@pytest.mark.parametrize('mode', ['train', 'eval'])
def test_numpy_and_torch_take_the_same_steps(discrete: bool, mode: Literal['train', 'eval']) -> None:
    both_ways(small_config(heads={'actor_unimix': 0.01}), small_task(discrete), discrete, mode)


def test_numpy_and_torch_draw_the_same_from_a_normal_that_is_cut() -> None:
    both_ways(small_config(heads={'actor': 'truncated'}), small_task(), False, 'train')


def test_numpy_and_torch_take_the_same_steps_in_the_size_of_the_robot() -> None:
    both_ways(load_agent(CONFIG_DIR, 'dreamer_v3', 'cpu'), small_task(actions=12), False, 'train')


def test_numbers_far_out_overflow_nothing() -> None:
    config, task = small_config(), small_task()
    policy = Policy(config, task)
    policy.load({name: 1e3 * value for name, value in Agent(config, task).policy_parameters().items()})
    obs = {name: np.full((1, *spec.shape), -1e30, np.float32) for name, spec in task.observation.items()}
    with np.errstate(over='raise', invalid='raise'):
        action, _, _ = policy.act(policy.initial(1), obs, np.array([True]))
    assert np.isfinite(action).all()


def test_latents_are_drawn_as_torch_draws_them() -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(5), (4, 3)).transpose(0, 2, 1).astype(np.float32)
    uniform = np.stack([np.full((1, 3), value, np.float32) for value in (0.0, 0.3, 0.7, 0.9999999)])
    expected = sample_one_hot(torch.from_numpy(probs), torch.from_numpy(uniform)).numpy()
    np.testing.assert_array_equal(one_hot_sample(probs, uniform), expected)
    # Rounding that leaves the sum below the number: the last class takes it.
    assert one_hot_sample(np.zeros((1, 3, 1), np.float32), np.full((1, 1, 1), 0.5, np.float32)).ravel().tolist() == [0, 0, 1]
