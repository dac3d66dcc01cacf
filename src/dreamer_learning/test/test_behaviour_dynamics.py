"""The actor's gradient through the dynamics."""

from __future__ import annotations

import pytest
import torch
from behaviour_toys import no_ends, shaken_agent

from dreamer_learning.behaviour import lambda_return
from dreamer_learning.cells import limited


def test_the_actor_learns_through_the_dynamics_and_trains_nothing_else() -> None:
    agent = shaken_agent(behaviour={'actor_gradient': 'dynamics'})
    behaviour, model = agent.behaviour, agent.model
    starts = torch.randn(3, 48)
    agent.generator.manual_seed(0)
    path, actions = behaviour._imagine(model, starts, agent.generator)
    losses = behaviour._imagination_loss(model, path, actions, no_ends(path))[0].losses
    losses['actor'].mean().backward()
    trained = {n.split('.')[1] for n, p in agent.networks.named_parameters() if p.grad is not None and p.grad.any()}
    assert trained == {'actor'}


def test_discrete_actions_are_learned_through_the_dynamics_straight_through() -> None:
    agent = shaken_agent(discrete=True, behaviour={'actor_gradient': 'dynamics', 'entropy': 0.0})
    path, actions = agent.behaviour._imagine(agent.model, torch.randn(3, 48), agent.generator)
    assert set(actions.detach().unique().tolist()) == {0.0, 1.0}
    agent.behaviour._imagination_loss(agent.model, path, actions, no_ends(path))[0].losses['actor'].mean().backward()
    assert any(p.grad is not None and p.grad.any() for p in agent.behaviour.actor.parameters())


@pytest.mark.parametrize(('settings', 'differentiated'), [
    ({'advantage_normalisation': 'mean_std', 'return_normalisation': 'none'}, True),
    ({}, True),
    ({'return_normalisation': 'none'}, False),
])
def test_the_gradient_through_the_dynamics_follows_what_is_maximised(settings: dict, differentiated: bool) -> None:
    """DayDreamer and V3 maximise the advantage, V2 the return: their released code, agent.py and behaviors.py."""
    agent = shaken_agent(behaviour={'actor_gradient': 'dynamics', 'horizon': 3, 'entropy': 0.0, **settings})
    behaviour, model = agent.behaviour, agent.model
    if behaviour.advantages is not None:
        behaviour.advantages = torch.nn.Identity()  # type: ignore[assignment]
    starts = torch.randn(5, 48)

    def gradient(use_loss: bool) -> torch.Tensor:
        agent.networks.zero_grad()
        agent.generator.manual_seed(3)
        path, actions = behaviour._imagine(model, starts, agent.generator)
        if use_loss:
            behaviour._imagination_loss(model, path, actions, no_ends(path))[0].losses['actor'].sum().backward()
        else:
            live, values = model.live(path), behaviour.critic.predict(path)
            advantage = lambda_return(model.reward.predict(path), values, live, agent.config.behaviour.trace)
            if differentiated:
                advantage = advantage - values[:-1]
            scale = 1.0 if behaviour.returns is None else behaviour.returns.scale()
            (-torch.cumprod(live, 0)[:-1].detach() * advantage / scale).sum().backward()
        return torch.cat([p.grad.flatten() for p in behaviour.actor.parameters() if p.grad is not None])

    by_loss = gradient(True)
    assert by_loss.abs().max() > 0
    torch.testing.assert_close(by_loss, gradient(False), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize('cell', ['block_gru', 'norm_gru', 'gru', 'reset_first_gru'])
def test_an_action_beyond_its_range_is_the_action_at_its_end(cell: str) -> None:
    networks = {} if cell == 'block_gru' else {'norm': 'layer'}
    dynamics = {'cell': cell, **({} if cell == 'block_gru' else {'blocks': 1})}
    agent = shaken_agent(dynamics=dynamics, networks=networks, replay={'context': False})
    core = agent.model.rssm.core
    weight = core.action_weight()
    inside, beyond = torch.tensor([[1.0, -1.0, 0.3]]), torch.tensor([[1.7, -3.6, 0.3]])
    torch.testing.assert_close(core.embed_action(weight, beyond), core.embed_action(weight, inside))
    action = beyond.clone().requires_grad_()
    limited(action).sum().backward()
    assert action.grad is not None
    assert (action.grad > 0).all()
