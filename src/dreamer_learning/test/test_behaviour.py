import math

import pytest
import torch
from behaviour_toys import no_ends, shaken_agent
from learning_toys import make_batch, small_config, small_task

from dreamer_learning.agent import Agent
from dreamer_learning.behaviour import ENTROPY_BOUNDS, above_the_others, choose_starts, lambda_return
from dreamer_learning.kl import KLLoss
from dreamer_learning.latents import make_latent
from dreamer_learning.normalise import AdaptiveScale, AdvantageNormaliser, ValueCentre


def naive_return(reward: list[float], value: list[float], live: list[float], trace: list[float], t: int) -> float:
    if t == len(reward) - 1:
        return value[t]
    following = naive_return(reward, value, live, trace, t + 1)
    mixed = (1 - trace[t + 1]) * value[t + 1] + trace[t + 1] * following
    return reward[t + 1] + live[t + 1] * mixed


@pytest.mark.parametrize('per_step', [False, True])
def test_lambda_return_matches_the_recursion_from_step_zero(per_step: bool) -> None:
    torch.manual_seed(0)
    reward, value, live = torch.randn(6), torch.randn(6), torch.rand(6)
    trace = torch.tensor([0.9, 0.9, 0.0, 0.9, 0.9, 0.9]) if per_step else torch.full((6,), 0.95)
    result = lambda_return(reward, value, live, trace if per_step else 0.95)
    lists = reward.tolist(), value.tolist(), live.tolist(), trace.tolist()
    expected = [naive_return(*lists, t) for t in range(5)]
    torch.testing.assert_close(result, torch.tensor(expected))


def test_reward_of_the_first_step_is_not_part_of_any_return() -> None:
    zeros = torch.zeros(4)
    assert lambda_return(torch.tensor([7.0, 0, 0, 0]), zeros, torch.ones(4), 0.95).tolist() == [0.0, 0.0, 0.0]
    assert lambda_return(torch.tensor([0, 7.0, 0, 0]), zeros, torch.ones(4), 0.95)[0].item() == 7.0


def test_free_nats_apply_to_each_element_before_the_mean() -> None:
    prior = torch.tensor([0.5, 0.5]).expand(1, 2, 1, 2).clone().requires_grad_()
    sharp = torch.tensor([[[[1 - 1e-6, 1e-6]]], [[[0.5, 0.5]]]]).view(1, 2, 1, 2).requires_grad_()
    config = small_config(loss={'free_nats': 0.5})
    losses, metrics = KLLoss(config.loss, make_latent(config.dynamics))(sharp, prior)
    first = 0.6931 - 1.5e-5
    torch.testing.assert_close(losses['dynamics'], torch.tensor([[first, 0.5]]), atol=1e-4, rtol=0)
    torch.testing.assert_close(losses['representation'], losses['dynamics'])
    torch.testing.assert_close(metrics['kl'], torch.tensor(first / 2), atol=1e-4, rtol=0)
    losses['dynamics'].sum().backward()
    assert prior.grad is not None
    assert prior.grad[0, 0].abs().sum() > 0
    assert not prior.grad[0, 1].any()  # below the free nats: no gradient
    assert sharp.grad is None  # the dynamics loss does not train the posterior
    losses['representation'].sum().backward()
    assert sharp.grad is not None


@pytest.mark.parametrize('starts', [0, 5])
def test_gradients_of_each_loss_reach_only_what_they_train(starts: int) -> None:
    agent = shaken_agent(behaviour={'imagination_starts': starts})
    batch = make_batch(agent.config, agent.task)

    def trained_by(name: str) -> set[str]:
        agent.networks.zero_grad()
        world = agent.model.loss(batch, agent.generator)
        features = torch.cat([world.deter, world.stoch], -1)
        behaviour = agent.behaviour.loss(agent.model, features, batch, agent.generator)
        {**world.losses, **behaviour.losses}[name].mean().backward()
        names = (n for n, p in agent.networks.named_parameters() if p.grad is not None and p.grad.any())
        return {'.'.join(n.split('.')[:2]) for n in names}

    assert trained_by('actor') == {'behaviour.actor'}
    assert trained_by('critic') == {'behaviour.critic'}
    assert trained_by('replay_critic') == {'behaviour.critic', 'model.encoder', 'model.rssm'}
    assert trained_by('reward') == {'model.reward', 'model.encoder', 'model.rssm'}
    assert trained_by('reconstruction') == {'model.decoder', 'model.encoder', 'model.rssm'}


def test_slow_critic_follows_at_its_rate() -> None:
    agent = Agent(small_config(), small_task())
    fast, slow = next(agent.behaviour.critic.parameters()), next(agent.behaviour.slow_critic.parameters())
    assert torch.equal(fast, slow)
    fast.data.add_(1.0)
    before = slow.clone()
    agent.behaviour.after_update(1)
    torch.testing.assert_close(slow, before + 0.02)


def test_slow_critic_follows_at_the_first_of_so_many_updates() -> None:
    agent = Agent(small_config(behaviour={'slow_every': 3, 'slow_rate': 1.0}), small_task())
    fast, slow = next(agent.behaviour.critic.parameters()), next(agent.behaviour.slow_critic.parameters())
    followed = []
    for update in range(1, 8):
        fast.data.add_(1.0)
        agent.behaviour.after_update(update)
        followed.append(torch.equal(fast, slow))
    assert followed == [True, False, False, True, False, False, True]


@pytest.mark.parametrize('in_target', [True, False])
def test_paths_that_start_at_a_replayed_end_do_not_count(in_target: bool) -> None:
    agent = shaken_agent(behaviour={'real_starts': True, 'discount_in_target': in_target, 'discount_horizon': 10.0})
    imagined, actions = torch.randn(4, 3, 48), torch.randn(3, 3, 3)
    ends = torch.tensor([False, True, False])
    result, _ = agent.behaviour._imagination_loss(agent.model, imagined, actions, ends)
    with torch.no_grad():
        later = agent.model.live(imagined)[1:-1]
        weight = torch.cat([torch.ones(1, 3), later.cumprod(0)]) * torch.tensor([1.0, 0.0, 1.0])
    torch.testing.assert_close(result.metrics['weight'], weight.mean())
    assert not result.losses['actor'][:, 1].any()
    assert result.losses['actor'][:, [0, 2]].all()


def test_the_ends_are_those_of_the_chosen_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = shaken_agent(behaviour={'real_starts': True, 'imagination_starts': 4, 'rollouts': 3})
    batch = make_batch(agent.config, agent.task)
    batch['is_terminal'] = torch.zeros(4, 8, dtype=torch.bool)
    batch['is_terminal'][1, -1] = True  # the last state of each window is chosen first
    seen = []
    original = agent.behaviour._imagination_loss
    monkeypatch.setattr(agent.behaviour, '_imagination_loss', lambda *given: seen.append(given[-1]) or original(*given))
    agent.behaviour.loss(agent.model, torch.randn(4, 8, 48), batch)
    assert seen[0].tolist() == [False] * 3 + [True] * 3 + [False] * 6


def test_imagination_losses_by_hand() -> None:
    agent = shaken_agent()
    behaviour, model = agent.behaviour, agent.model
    horizon, count = 4, 3
    imagined = torch.randn(horizon + 1, count, 48)
    actions = torch.randn(horizon, count, 3)
    result, returns = behaviour._imagination_loss(model, imagined, actions, no_ends(imagined))
    with torch.no_grad():
        reward, live = model.reward.predict(imagined), model.continuation.predict(imagined)
        value, slow = behaviour.critic.predict(imagined), behaviour.slow_critic.predict(imagined)
        policy, logits = behaviour.actor(imagined[:-1]), behaviour.critic(imagined[:-1])
        log_prob, entropy = policy.log_prob(actions), policy.entropy().sum(-1)
    scale = behaviour.returns.scale()
    trace = [0.95] * (horizon + 1)
    for n in range(count):
        weight = 1.0
        for h in range(horizon):
            target = naive_return(reward[:, n].tolist(), value[:, n].tolist(), live[:, n].tolist(), trace, h)
            weight *= live[h, n].item()
            advantage = (target - value[h, n]) / scale
            actor = -weight * (log_prob[h, n] * advantage + 3e-4 * entropy[h, n])
            torch.testing.assert_close(result.losses['actor'][h, n], actor, rtol=1e-4, atol=1e-5)
            critic = sum(behaviour.critic.output.loss(logits[h, n], torch.tensor([x])) for x in (target, slow[h, n]))
            torch.testing.assert_close(result.losses['critic'][h, n], weight * critic, rtol=1e-4, atol=1e-5)
            assert abs(returns[h, n].item() - target) < 1e-3
            assert abs(target) > 1e-4


def test_an_advantage_counts_by_how_far_it_is_above_those_of_the_other_paths_of_its_start() -> None:
    advantage = torch.tensor([[1.0, 2.0, 6.0, 10.0, 10.0, 13.0]], requires_grad=True)
    result = above_the_others(advantage, 3)
    torch.testing.assert_close(result, torch.tensor([[-3.0, -1.5, 4.5, -1.5, -1.5, 3.0]]))
    result[0, 2].backward()
    assert advantage.grad is not None
    assert advantage.grad.tolist() == [[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]]  # the others are no reason to change this one's actions


def test_what_the_critic_misjudges_in_all_paths_of_a_start_does_not_count() -> None:
    agent = shaken_agent(behaviour={'rollouts': 4, 'return_normalisation': 'none'})
    behaviour, model = agent.behaviour, agent.model
    # Two starts whose paths go through the same states: what their advantages differ by is the critic's doing, not the actions'.
    imagined, actions = torch.randn(6, 2, 48).repeat_interleave(4, 1), torch.randn(5, 8, 3)
    actor = behaviour._imagination_loss(model, imagined, actions, no_ends(imagined))[0].losses['actor']
    with torch.no_grad():
        weight = torch.cumprod(model.continuation.predict(imagined), 0)[:-1]
        entropy = behaviour.actor(imagined[:-1]).entropy().sum(-1)
    torch.testing.assert_close(actor, -weight * 3e-4 * entropy, rtol=1e-4, atol=1e-6)


def test_paths_of_one_start_stand_side_by_side_and_their_mean_return_is_the_bootstrap() -> None:
    agent = shaken_agent(behaviour={'rollouts': 3, 'imagination_starts': 4})
    batch = make_batch(agent.config, agent.task)
    features = torch.randn(4, 8, 48)
    seen = {}

    def imagine(model: object, starts: torch.Tensor, generator: object) -> tuple[torch.Tensor, torch.Tensor]:
        seen['starts'] = starts
        return torch.randn(6, len(starts), 48), torch.randn(5, len(starts), 3)

    def replay_loss(logits: object, bootstrap: torch.Tensor, *rest: object) -> torch.Tensor:
        seen['bootstrap'] = bootstrap
        return torch.zeros(1)

    def imagination_loss(*inputs: object) -> tuple:
        seen['result'] = original(*inputs)
        return seen['result']

    original = agent.behaviour._imagination_loss
    with pytest.MonkeyPatch.context() as patch:
        for name, instead in (('_imagine', imagine), ('_replay_loss', replay_loss), ('_imagination_loss', imagination_loss)):
            patch.setattr(agent.behaviour, name, instead)
        agent.behaviour.loss(agent.model, features, batch)
    assert torch.equal(seen['starts'], features[:, -1].repeat_interleave(3, 0))
    returns = seen['result'][1]
    torch.testing.assert_close(seen['bootstrap'][:, -1], returns[0].view(4, 3).mean(1))


@pytest.mark.parametrize('kind', ['bounded', 'truncated', 'tanh_normal'])
def test_the_penalty_draws_means_from_the_ends_of_the_range(kind: str) -> None:
    agents = [shaken_agent(heads={'actor': kind}, behaviour={'mean_penalty': penalty}) for penalty in (0.0, 0.1)]
    imagined, actions = torch.randn(6, 8, 48), torch.rand(5, 8, 3)
    plain, pressed = (agent.behaviour._imagination_loss(agent.model, imagined, actions, no_ends(imagined))[0].losses['actor']
                      for agent in agents)
    with torch.no_grad():
        weight = torch.cumprod(agents[0].model.continuation.predict(imagined), 0)[:-1]
        inner = agents[0].behaviour.actor(imagined[:-1]).before_tanh
        if kind != 'tanh_normal':
            torch.testing.assert_close(torch.tanh(inner), agents[0].behaviour.actor(imagined[:-1]).mode())
    torch.testing.assert_close(pressed - plain, 0.1 * weight * inner.square().sum(-1), rtol=1e-3, atol=1e-5)


def test_choices_have_no_penalty() -> None:
    losses = []
    for penalty in (0.0, 0.1):
        agent = shaken_agent(discrete=True, behaviour={'mean_penalty': penalty})
        losses.append(agent.train_step(make_batch(agent.config, agent.task))['loss/actor'])
    assert losses[0] == losses[1]


def test_normalised_advantages_change_the_actor_loss_only() -> None:
    agent = shaken_agent()
    imagined, actions = torch.randn(5, 3, 48), torch.randn(4, 3, 3)

    def losses(advantages: AdvantageNormaliser | None) -> dict[str, torch.Tensor]:
        agent.behaviour.advantages = advantages
        return agent.behaviour._imagination_loss(agent.model, imagined, actions, no_ends(imagined))[0].losses

    plain, normalised = losses(None), losses(AdvantageNormaliser(0.01))
    torch.testing.assert_close(plain['critic'], normalised['critic'])
    assert not torch.allclose(plain['actor'], normalised['actor'])


def test_a_centred_critic_means_the_same_values() -> None:
    """The same heads, the level of values moved from the critic's output into the centre: same advantages, same targets."""
    agent = shaken_agent()
    behaviour, batch = agent.behaviour, make_batch(agent.config, agent.task)
    mean = behaviour.critic.output.mean
    seen: list[torch.Tensor] = []

    def losses(centre: float) -> dict[str, torch.Tensor]:
        behaviour.level.reward.fill_(centre / behaviour.config.discount_horizon)
        for head in (behaviour.critic, behaviour.slow_critic):
            head.output.mean = lambda logits: mean(logits) - centre  # type: ignore[method-assign]
            head.output.loss = lambda logits, target: seen.append(target + centre) or logits.sum(-1)  # type: ignore[method-assign]
        behaviour.returns.range.zero_()
        agent.generator.manual_seed(0)
        world = agent.model.loss(batch, agent.generator)
        return behaviour.loss(agent.model, torch.cat([world.deter, world.stoch], -1), batch, agent.generator).losses

    plain, centred = losses(0.0), losses(500.0)
    torch.testing.assert_close(plain['actor'], centred['actor'], rtol=1e-3, atol=1e-3)
    assert len(seen) == 4  # imagined and replayed targets, twice
    for one, other in zip(seen[:2], seen[2:]):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


def test_the_centre_is_the_value_of_the_average_imagined_reward() -> None:
    level, fixed = ValueCentre(0.1, 20.0), ValueCentre(0.0, 20.0)
    for one in (level, fixed):
        one.update(torch.tensor([4.0, 6.0]))
        one.update(torch.tensor([torch.nan]))
    assert level.value.item() == pytest.approx(0.1 * 5 * 20)
    assert fixed.value.item() == 0.0


def test_imagined_rewards_move_the_centre() -> None:
    agent = shaken_agent(behaviour={'value_centering': 0.1})
    batch = make_batch(agent.config, agent.task)
    world = agent.model.loss(batch, agent.generator)
    agent.model.reward.predict = lambda path: torch.full(path.shape[:-1], 3.0)  # type: ignore[method-assign]
    agent.behaviour.loss(agent.model, torch.cat([world.deter, world.stoch], -1), batch, agent.generator)
    assert agent.behaviour.level.value.item() == pytest.approx(0.3 * 333)


@pytest.mark.parametrize(('share', 'factor'), [(0.44, 1.1), (0.46, 1.0), (0.54, 1.0), (0.56, 1 / 1.1)])
def test_the_entropy_scale_holds_the_share_near_its_target(share: float, factor: float) -> None:
    scale = AdaptiveScale(0.01, 0.5, 0.1, ENTROPY_BOUNDS, size=1)
    assert math.isclose(scale.update(torch.tensor([share])).item(), 0.01 * factor, rel_tol=1e-5)
    assert AdaptiveScale(0.01, 0.0, 0.1, ENTROPY_BOUNDS, size=1).update(torch.tensor([share])).item() == pytest.approx(0.01)


def test_each_action_dimension_has_an_entropy_scale_of_its_own() -> None:
    scale = AdaptiveScale(0.01, 0.5, 0.1, ENTROPY_BOUNDS, size=3)
    torch.testing.assert_close(scale.update(torch.tensor([0.1, 0.5, 0.9])), torch.tensor([0.011, 0.01, 0.01 / 1.1]))


def test_the_entropy_scale_stays_between_its_bounds() -> None:
    scale = AdaptiveScale(0.01, 0.5, 0.1, ENTROPY_BOUNDS, size=1)
    for share, bound in ((0.1, 1.0), (0.9, 1e-5)):
        for _ in range(200):
            scale.update(torch.tensor([share]))
        assert scale.scale.item() == pytest.approx(bound)


@pytest.mark.parametrize(('discrete', 'scales', 'count'), [(False, 'each', 3), (False, 'shared', 1), (True, 'each', 1)])
def test_the_entropy_bonus_weights_each_dimension_by_its_scale(discrete: bool, scales: str, count: int) -> None:
    """Without advantages the actor's loss is -w sum of scale times entropy."""
    agent = shaken_agent(discrete=discrete, behaviour={'entropy': 0.0, 'entropy_scales': scales})
    assert agent.behaviour.entropy.scale.shape == (count,)
    behaviour = agent.behaviour
    behaviour.entropy.scale.copy_(torch.linspace(0.1, 0.4, len(behaviour.entropy.scale)))
    path, actions = behaviour._imagine(agent.model, torch.randn(3, 48), agent.generator)
    policy = behaviour.actor(path[:-1])
    behaviour.advantages = torch.zeros_like  # type: ignore[assignment]
    loss = behaviour._imagination_loss(agent.model, path, actions, no_ends(path))[0].losses['actor']
    weight = torch.cumprod(agent.model.live(path), 0)[:-1]
    torch.testing.assert_close(loss, -weight * (policy.entropy() * behaviour.entropy.scale).sum(-1))


@pytest.mark.parametrize('in_target', [True, False])
def test_the_discount_counts_once(in_target: bool) -> None:
    agent = shaken_agent(behaviour={'discount_in_target': in_target, 'discount_horizon': 10.0})
    batch = make_batch(agent.config, agent.task)
    features = torch.randn(2, 48)
    chance = agent.model.continuation.predict(features)
    torch.testing.assert_close(agent.model.live(features), chance if in_target else 0.9 * chance)
    found: list[torch.Tensor] = []

    def record(logit: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        found.append(target)
        return torch.zeros_like(target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('dreamer_learning.world_model.bernoulli_loss', record)
        agent.model.loss({**batch, 'is_terminal': torch.zeros(4, 8, dtype=torch.bool)}, agent.generator)
    assert found[0].unique().tolist() == pytest.approx([0.9 if in_target else 1.0])


def test_replay_critic_bootstraps_at_the_end_of_episodes_and_gives_their_last_step_no_weight() -> None:
    agent = shaken_agent()
    batch = make_batch(agent.config, agent.task)
    batch['is_last'] = torch.zeros(4, 8, dtype=torch.bool)
    batch['is_last'][1, 3] = batch['is_last'][2, 5] = True
    batch['is_terminal'] = torch.zeros(4, 8, dtype=torch.bool)
    batch['is_terminal'][2, 5] = True
    logits, bootstrap, slow = torch.randn(4, 8, 41), torch.randn(4, 8), torch.randn(4, 8)
    loss = agent.behaviour._replay_loss(logits, bootstrap, slow, batch)
    assert loss.shape == (7, 4)
    for n in range(4):
        live = [0.0 if end else 1 - 1 / 333 for end in batch['is_terminal'][n].tolist()]
        trace = [0.0 if end else 0.95 for end in batch['is_last'][n].tolist()]
        for t in range(7):
            target = naive_return(batch['reward'][n].tolist(), bootstrap[n].tolist(), live, trace, t)
            expected = agent.behaviour.critic.output.loss(logits[n, t], torch.tensor([target, slow[n, t]]))
            expected = 0 * expected if batch['is_last'][n, t] else expected
            torch.testing.assert_close(loss[t, n], expected, rtol=1e-4, atol=1e-5)


def test_reward_and_continuation_are_predicted_from_the_state_they_belong_to() -> None:
    agent = shaken_agent()
    batch = make_batch(agent.config, agent.task)
    batch['is_terminal'][:, 4] = True
    world = agent.model.loss(batch, agent.generator)
    features = torch.cat([world.deter, world.stoch], -1)
    target = torch.where(batch['is_terminal'], 0.0, 1 - 1 / 333)
    chance = agent.model.continuation.predict(features)
    expected = -(target * chance.log() + (1 - target) * (1 - chance).log())
    torch.testing.assert_close(world.losses['continuation'].view(4, 8), expected, rtol=1e-4, atol=1e-5)
    reward = agent.model.reward
    expected = reward.output.loss(reward(features), batch['reward'].unsqueeze(-1))
    torch.testing.assert_close(world.losses['reward'].view(4, 8), expected)


def test_chosen_starts_hold_the_last_state_of_each_window() -> None:
    agent = Agent(small_config(behaviour={'imagination_starts': 10}), small_task())
    wanted, cpu = agent.config.behaviour.imagination_starts, torch.device('cpu')
    chosen = choose_starts(wanted, torch.Size([4, 6]), agent.generator, cpu)
    assert chosen is not None
    assert len(set(chosen.tolist())) == 10
    assert {5, 11, 17, 23} <= set(chosen.tolist())
    assert choose_starts(wanted, torch.Size([2, 5]), agent.generator, cpu) is None
