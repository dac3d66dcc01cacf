"""The five agents as they are shipped: each trains and acts, whatever it sees and does."""

import math

import numpy as np
import pytest
import torch
from family_toys import fitting
from learning_toys import CONFIG_DIR, make_batch, small_task

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig, block_names, load_agent
from dreamer_learning.config import ConfigError, load_yaml
from dreamer_learning.policy import Policy

AGENTS = sorted(path.stem for path in (CONFIG_DIR / 'agents').glob('*.yaml'))
# Without free nats, below which the prior would not learn.
SMALL: dict = {'loss': {'free_nats': 0.0}, 'replay': {'batch': 3, 'length': 6, 'capacity': 1000}, 'behaviour': {
    'horizon': 4, 'planning': {'horizon': 2, 'iterations': 2, 'candidates': 8, 'top': 2}}}
UPDATES = 3
"""Where rates warm up, the first one moves nothing; layers behind a head that starts at zero move from the second one on."""


def load(agent: str, blocks: str = '') -> AgentConfig:
    return load_agent(CONFIG_DIR, agent, 'cpu', SMALL, block_names(blocks))


def test_the_family_is_complete() -> None:
    assert {'planet', 'dreamer_v1', 'dreamer_v2', 'dreamer_v3', 'daydreamer'} <= set(AGENTS)


@pytest.mark.parametrize('agent', AGENTS)
@pytest.mark.parametrize(('discrete', 'image'), [(False, False), (True, False), (False, True)])
def test_every_agent_trains_and_its_policy_acts(agent: str, discrete: bool, image: bool) -> None:
    config, task = load(agent, ','.join(fitting(agent, discrete))), small_task(discrete, image)
    if agent == 'planet' and discrete:
        with pytest.raises(ConfigError, match="'planning' needs continuous actions"):
            Agent(config, task)
        return
    learner = Agent(config, task)
    before = {name: p.detach().clone() for name, p in learner.networks.named_parameters() if p.requires_grad}
    for seed in range(UPDATES):
        metrics = learner.train_step(make_batch(config, task, seed))
        latents = metrics.pop('latents')
        assert (latents is not None) == config.replay.context
        assert all(math.isfinite(value) for value in metrics.values()), metrics
    same = [name for name, value in before.items() if torch.equal(value, dict(learner.networks.named_parameters())[name])]
    assert not same
    policy = Policy(config, task)
    policy.load(learner.policy_parameters())
    observation = {name: np.zeros((2, *spec.shape), spec.dtype) for name, spec in task.observation.items()}
    carry = policy.initial(2)
    for mode in ('train', 'eval'):
        action, carry, latent = policy.act(carry, observation, np.array([False, True]), mode)  # type: ignore[arg-type]
        assert action.shape == ((2,) if discrete else (2, 3))
        assert discrete or np.abs(action).max() <= 1
        assert set(latent) == ({'deter', 'stoch'} if config.replay.context else set())
    prediction = learner.report(make_batch(config, task))
    assert all(np.isfinite(value).all() for value in prediction.values())


@pytest.mark.parametrize('agent', AGENTS)
def test_blocks_change_the_configuration_and_train(agent: str) -> None:
    def values(*blocks: str) -> dict[str, object]:
        found = load_agent(CONFIG_DIR, agent, 'cpu', blocks=blocks).describe()
        return {key: value for key, value in found.items() if key != 'blocks'}

    for block in load_yaml(CONFIG_DIR / 'agents' / f'{agent}.yaml').get('blocks', {}):
        config = load(agent, block)
        assert config.blocks == (block,)
        assert config.names() == {'agent': agent, 'size': 'cpu', 'blocks': block}
        assert values(block) != values(), block
        task = small_task(discrete=config.behaviour.exploration != 'noise', image=True)
        metrics = Agent(config, task).train_step(make_batch(config, task))
        assert all(math.isfinite(value) for name, value in metrics.items() if name != 'latents'), block


def test_blocks_stack_on_the_size() -> None:
    both = load('dreamer_v2', 'no_layer_norm, atari')
    assert both.blocks == ('no_layer_norm', 'atari')
    assert (both.dynamics.deter, both.loss.continuation) == (600, 5.0)


def test_without_kl_balancing_atari_keeps_its_scale_in_either_order() -> None:
    atari, both, other = (load('dreamer_v2', blocks).loss for blocks in (
        'atari', 'atari,no_kl_balancing', 'no_kl_balancing,atari'))
    assert both == other
    assert [atari.scale(name) for name in ('dynamics', 'representation')] == pytest.approx([0.08, 0.02])
    assert [both.scale(name) for name in ('dynamics', 'representation')] == pytest.approx([0.1, 0.1])


def test_an_unknown_block_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"dreamer_v2.yaml: blocks: unknown block 'atary'; did you mean 'atari'"):
        load('dreamer_v2', 'atary')


def test_epsilon_greedy_and_noise_explore_only_in_training() -> None:
    config, task = load('dreamer_v1', 'discrete'), small_task(discrete=True)
    policy = Policy(config, task, seed=3)
    with torch.no_grad():  # always the first choice, if nothing explores
        policy.networks.actor.mlp.out.bias[:] = torch.tensor([50.0, 0.0, 0.0])
    observation = {name: np.zeros((400, *spec.shape), spec.dtype) for name, spec in task.observation.items()}
    first = np.ones(400, bool)
    action, _, _ = policy.act(policy.initial(400), observation, first)
    assert 0.1 < (action > 0).mean() < 0.3  # epsilon 0.3, of three choices two are others
    action, _, _ = policy.act(policy.initial(400), observation, first, 'eval')
    assert not action.any()
