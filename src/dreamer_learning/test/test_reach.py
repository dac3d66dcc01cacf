"""What each loss trains, for each of the five agents."""

import pytest
import torch
from family_toys import AGENTS, APART, able, fitting, random_batch, seeded, task_of, tiny
from torch import Tensor

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.batch import OBSERVATION, observations


def part(parameter: str) -> str:
    """'model.rssm.core.inputs.weight' -> 'core'; 'behaviour.actor.mlp.out.bias' -> 'actor'."""
    return parameter.split('.')[2 if parameter.startswith('model.rssm') else 1]


def reached(agent: Agent, batch: dict[str, Tensor], loss: str) -> set[str]:
    """The parts of the networks to which a loss gives a gradient other than zero."""
    world = agent.model.loss(batch, seeded())
    features = torch.cat([world.deter, world.stoch], -1)
    losses = {**world.losses, **agent.behaviour.loss(agent.model, features, batch, seeded()).losses}
    named = {key: p for key, p in agent.networks.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(losses[loss].mean(), list(named.values()), allow_unused=True)
    return {part(key) for key, gradient in zip(named, gradients) if gradient is not None and gradient.any()}


def expected_reach(config: AgentConfig) -> dict[str, set[str]]:
    """Loss -> parts. What learns in imagination never changes the world model, what predicts never the actor."""
    state = {'encoder', 'core', 'posterior'} | ({'first_deter'} if config.dynamics.initial == 'learned' else set())
    result = {
        'reconstruction': {'decoder'} | (state if config.loss.reconstruction_gradient else set()),
        'reward': {'reward'} | (state if config.loss.reward_gradient else set()),
        'continuation': {'continuation'} | state, 'dynamics': {'prior'} | state, 'representation': state,
        'overshoot': {'prior'} | state,
    }
    if config.behaviour.method != 'planning':
        result |= {'actor': {'actor'}, 'critic': {'critic'}}
    if config.loss.replay_critic:
        result['replay_critic'] = {'critic'} | state
    return result


@pytest.mark.parametrize('discrete', [False, True])
@pytest.mark.parametrize(('name', 'block'), [
    *((name, '') for name in AGENTS), ('dreamer_v2', 'no_reward_gradients'), ('dreamer_v2', 'no_image_gradients'),
    ('dreamer_v2', 'no_reconstruction_gradients'),
    ('dreamer_v2', 'no_reinforce')])
def test_each_loss_trains_its_own_parts_and_no_others(name: str, block: str, discrete: bool) -> None:
    if not able(name, discrete):
        return
    # Every loss there can be, and no layer that begins at zero and would hold its gradient back.
    more = {'loss': {'free_nats': 0.0, 'overshooting': 3}, 'heads': {'outscale': 1.0, 'continuation': True}}
    config, task = tiny(name, more, [*fitting(name, discrete), *([block] if block else [])]), task_of('both', discrete)
    agent, batch = Agent(config, task), random_batch(config, task, 0)
    batch['is_first'][:] = False
    batch['is_first'][0, 1] = True
    expected = expected_reach(config)
    assert {loss: reached(agent, batch, loss) for loss in expected} == expected


@pytest.mark.parametrize(('block', 'kinds'), [
    ('', ['vector', 'image']), ('no_image_gradients', ['vector']), ('no_reconstruction_gradients', [])])
def test_which_observations_train_the_representation(block: str, kinds: list[str]) -> None:
    config, task = tiny('dreamer_v2', blocks=[block] if block else []), task_of('both')
    agent, batch = Agent(config, task), random_batch(config, task, 0)
    deter, stoch, posterior = (x.detach().requires_grad_() for x in agent.model.observe(batch, seeded()))
    losses, _ = agent.model.head_losses(batch, deter, stoch, posterior)
    gradient = torch.autograd.grad(losses['reconstruction'].sum(), deter, allow_unused=True)[0]
    parts = agent.model.decoder.loss(torch.cat([deter, stoch], -1).flatten(0, 1), observations(batch))
    if kinds:
        expected = torch.autograd.grad(sum((parts[kind].sum() for kind in kinds), torch.zeros(())), deter)[0]
        torch.testing.assert_close(gradient, expected)
    else:
        assert gradient is None


@pytest.mark.parametrize('name', AGENTS)
def test_the_dynamics_loss_gives_the_posterior_of_its_own_step_no_gradient(name: str) -> None:
    config, task = tiny(name, APART), task_of()
    agent, batch = Agent(config, task), random_batch(config, task, 0)
    vector = batch[OBSERVATION + 'pose'].requires_grad_()
    for loss, direct in (('dynamics', False), ('representation', True)):
        last = agent.model.loss(batch, seeded()).losses[loss][:, -1]
        gradient = torch.autograd.grad(last.sum(), vector)[0]
        assert gradient[:, -1].any() == direct
        assert gradient[:, :-1].any()
