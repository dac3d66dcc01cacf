"""What holds for each of the five agents, whatever it sees, does and meets."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from family_toys import (
    ACTIONS,
    AGENTS,
    APART,
    BATCH,
    LENGTH,
    Seen,
    able,
    begin_at,
    fitting,
    joined,
    observe,
    random_batch,
    seeded,
    shrunk,
    task_of,
    tiny,
)
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.batch import OBSERVATION, encode_action
from dreamer_learning.policy import Policy

SEEDS = st.integers(0, 2**31 - 1)
SEEN = st.sampled_from(['vector', 'image', 'both'])
PLACES = st.integers(0, LENGTH - 1)
every_agent = pytest.mark.parametrize('name', AGENTS)


def examples(count: int) -> Callable[[Any], Any]:
    # Without shrinking: that of a failure takes minutes, and a smaller seed explains nothing.
    return settings(max_examples=count, deadline=None, derandomize=True, database=None, phases=[Phase.generate])


@functools.cache
def policy_of(name: str, seen: Seen, discrete: bool) -> Policy:
    config, task = shrunk(name, discrete), task_of(seen, discrete)
    policy, agent, generator = Policy(config, task), Agent(config, task, seed=1), seeded()
    for parameter in agent.networks.parameters():  # no layer that still puts out zeros
        parameter.data.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    policy.load(agent.policy_parameters())
    return policy


def check_one_hot(stoch: np.ndarray, config: AgentConfig) -> None:
    """Of each variable of a categorical latent (E, C*S) there is one class."""
    if config.dynamics.latent == 'categorical':
        assert set(np.unique(stoch)) == {0.0, 1.0}
        assert (stoch.reshape(len(stoch), config.dynamics.classes, config.dynamics.stoch).sum(1) == 1).all()


@every_agent
@given(seen=SEEN, discrete=st.booleans(), envs=st.integers(1, 4), evaluated=st.booleans(), seed=SEEDS)
@examples(8)
def test_a_policy_answers_for_any_number_of_environments(
        name: str, seen: Seen, discrete: bool, envs: int, evaluated: bool, seed: int) -> None:
    assume(able(name, discrete))
    policy, rng = policy_of(name, seen, discrete), np.random.default_rng(seed)
    dynamics, keeps = policy.config.dynamics, policy.config.replay.context
    carry = policy.initial(envs)
    if dynamics.initial == 'learned':
        check_one_hot(carry.stoch, policy.config)
    for _ in range(2):
        first = rng.random(envs) < 0.5
        action, carry, latent = policy.act(carry, observe(policy.task, rng, envs), first, 'eval' if evaluated else 'train')
        assert [part.shape for part in carry] == [(envs, size) for size in (dynamics.deter, dynamics.stoch_size, ACTIONS)]
        assert all(part.dtype == np.float32 and np.isfinite(part).all() for part in carry)
        check_one_hot(carry.stoch, policy.config)
        if discrete:
            assert (action.shape, action.dtype) == ((envs,), np.int32)
            assert ((action >= 0) & (action < ACTIONS)).all()
        else:
            assert (action.shape, action.dtype) == ((envs, ACTIONS), np.float32)
            assert np.abs(action).max() <= 1
        # The next step begins with the action as training will see it.
        np.testing.assert_array_equal(carry.action, encode_action(torch.from_numpy(action), policy.task.action).numpy())
        kept = {key: (value.shape, value.dtype.name) for key, value in latent.items()}
        wanted = {'deter': ((envs, dynamics.deter), 'float16'), 'stoch': ((envs, dynamics.stoch), 'uint8')}
        assert kept == (wanted if keeps else {})


@every_agent
@given(seen=SEEN, discrete=st.booleans(), seed=SEEDS)
@examples(4)
def test_states_and_predictions_have_their_shapes(name: str, seen: Seen, discrete: bool, seed: int) -> None:
    assume(able(name, discrete))
    config, task = shrunk(name, discrete), task_of(seen, discrete)
    agent, dynamics = Agent(config, task, seed=seed), config.dynamics
    batch = random_batch(config, task, seed)
    deter, stoch, statistics = agent.model.observe(batch, seeded())
    kind = (dynamics.classes, dynamics.stoch) if dynamics.latent == 'categorical' else (2, dynamics.stoch)
    sizes = ((dynamics.deter,), (dynamics.stoch_size,), kind)
    assert [x.shape for x in (deter, stoch, statistics)] == [(BATCH, LENGTH, *size) for size in sizes]
    assert deter.dtype == stoch.dtype == statistics.dtype == torch.float32
    latents = agent.train_step(batch)['latents']
    if config.replay.context:
        assert {key: (tuple(value.shape[2:]), value.dtype) for key, value in latents.items()} == {
            'deter': ((dynamics.deter,), torch.float16), 'stoch': ((dynamics.stoch,), torch.uint8)}
    else:
        assert latents is None
    report = agent.report(batch, 2)
    for key, spec in task.observation.items():
        for side in ('truth', 'model'):
            value = report[f'{key}/{side}']
            assert (value.shape, value.dtype) == ((2, LENGTH, *spec.shape), spec.dtype)


def seen_after(agent: Agent, batch: dict[str, Tensor], place: int) -> dict[str, Tensor]:
    """States, statistics, losses and their gradients from step `place` on."""
    model = agent.model
    parts = model.observe(batch, seeded())
    prior = model.rssm.latent.statistics(model.rssm.prior(parts[0]))
    result = {key: x[:, place:] for key, x in zip(('deter', 'stoch', 'posterior', 'prior'), (*parts, prior))}
    losses = {key: x.view(BATCH, LENGTH)[:, place:] for key, x in model.loss(batch, seeded()).losses.items()}
    named = {key: p for key, p in model.named_parameters() if p.requires_grad}
    total = torch.stack([loss.sum() for loss in losses.values()]).sum()
    gradients = dict(zip(named, torch.autograd.grad(total, list(named.values()))))
    return {**{key: x.detach() for key, x in {**result, **losses}.items()}, **gradients}


@every_agent
@given(seen=SEEN, discrete=st.booleans(), place=PLACES, seed=SEEDS)
@examples(6)
def test_nothing_leaks_into_an_episode_from_before_it(name: str, seen: Seen, discrete: bool, place: int, seed: int) -> None:
    assume(able(name, discrete))
    config, task = tiny(name, APART, fitting(name, discrete)), task_of(seen, discrete)
    agent = Agent(config, task, seed=seed)
    batch = random_batch(config, task, seed)
    begin_at(batch, place)
    other = joined(random_batch(config, task, seed + 1, scale=30.0), batch, place)
    one, two = seen_after(agent, batch, place), seen_after(agent, other, place)
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-5, atol=1e-6 * max(1.0, value.abs().max().item()), msg=key)


@pytest.mark.parametrize('name', [name for name in AGENTS if name != 'dreamer_v3'])
@given(discrete=st.booleans(), seed=SEEDS)
@examples(2)
def test_without_stored_states_a_window_begins_as_an_episode_does(name: str, discrete: bool, seed: int) -> None:
    assume(able(name, discrete))
    config, task = shrunk(name, discrete), task_of('vector', discrete)
    agent, batch = Agent(config, task, seed=seed), random_batch(config, task, seed)
    flagged = {**batch, 'is_first': batch['is_first'].clone(), 'previous_action': torch.zeros_like(batch['previous_action'])}
    flagged['is_first'][:, 0] = True
    for one, two in zip(agent.model.observe(batch, seeded()), agent.model.observe(flagged, seeded())):
        assert torch.equal(one, two)


@pytest.mark.parametrize('name', ['planet', 'dreamer_v3'])
@given(place=st.integers(1, LENGTH - 1), seed=SEEDS)
@examples(4)
def test_open_loop_predictions_stop_at_a_new_episode(name: str, place: int, seed: int) -> None:
    config, task = tiny(name, {'loss': {'overshooting': LENGTH, 'free_nats': 0.0}}), task_of()
    agent = Agent(config, task, seed=seed)
    batch, other = random_batch(config, task, seed), random_batch(config, task, seed + 1)
    for data in (batch, other):
        data['is_first'][:] = False
        begin_at(data, place)

    def gradient(data: dict[str, Tensor]) -> Tensor:
        vector = data[OBSERVATION + 'pose'].clone().requires_grad_()
        loss = agent.model.loss({**data, OBSERVATION + 'pose': vector}, seeded()).losses['overshoot']
        return torch.autograd.grad(loss.sum(), vector)[0]

    whole = gradient(batch)
    assert whole.any()
    for part_of, changed in ((slice(place, None), joined(other, batch, place)), (slice(place), joined(batch, other, place))):
        torch.testing.assert_close(gradient(changed)[:, part_of], whole[:, part_of], rtol=1e-5, atol=1e-7)


@given(place=st.integers(1, LENGTH - 1), discrete=st.booleans(), seed=SEEDS)
@examples(6)
def test_returns_of_replayed_steps_end_with_the_episode(place: int, discrete: bool, seed: int) -> None:
    config, task = tiny('dreamer_v3', {**APART, 'heads': {'outscale': 1.0}}), task_of('vector', discrete)
    agent = Agent(config, task, seed=seed)
    later, batch = (random_batch(config, task, seed + shift) for shift in (1, 0))
    begin_at(batch, place)
    begin_at(later, place)
    features = torch.randn(2, BATCH, LENGTH, config.dynamics.deter + config.dynamics.stoch_size, generator=seeded(seed))
    losses = []
    for data, states in ((batch, features[0]), (joined(batch, later, place),
                                                torch.cat([features[0][:, :place], features[1][:, place:]], 1))):
        loss = agent.behaviour.loss(agent.model, states, data, seeded()).losses['replay_critic']
        losses.append(loss.detach()[:place])
    torch.testing.assert_close(*losses, rtol=1e-5, atol=1e-6)


@every_agent
@given(seen=SEEN, discrete=st.booleans(), seed=SEEDS)
@examples(2)
def test_a_seed_decides_every_bit(name: str, seen: Seen, discrete: bool, seed: int) -> None:
    assume(able(name, discrete))
    config, task = shrunk(name, discrete), task_of(seen, discrete)
    agents = [Agent(config, task, seed=number) for number in (seed, seed, seed + 1)]
    agents.append(Agent(config, task, seed=seed))
    agents[3].generator.manual_seed(seed + 1)  # begins as the first, but draws other numbers
    begun = [agent.networks.state_dict() for agent in agents]
    assert any(not torch.equal(value, begun[2][key]) for key, value in begun[0].items())
    for number in range(2):
        batch = random_batch(config, task, seed + number)
        for agent in agents:
            agent.train_step({key: value.clone() for key, value in batch.items()})
    states = [agent.networks.state_dict() for agent in agents]
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
    for state in states[2:]:
        assert any(not torch.equal(value, state[key]) for key, value in states[0].items())
    policies = [Policy(config, task, seed=number) for number in (seed, seed, seed + 1)]
    observation = observe(task, np.random.default_rng(seed), 2)
    carries = [policy.act(policy.initial(2), observation, np.ones(2, bool))[1] for policy in policies]
    assert all(np.array_equal(x, y) for x, y in zip(*carries[:2]))
    assert any(not np.array_equal(x, y) for x, y in zip(carries[0], carries[2]))


@every_agent
@given(seen=SEEN, discrete=st.booleans(), row=st.integers(0, BATCH - 1), seed=SEEDS)
@examples(4)
def test_rows_of_a_batch_do_not_see_each_other(name: str, seen: Seen, discrete: bool, row: int, seed: int) -> None:
    assume(able(name, discrete))
    config, task = shrunk(name, discrete), task_of(seen, discrete)
    agent = Agent(config, task, seed=seed)
    batch, other = random_batch(config, task, seed), random_batch(config, task, seed + 1, scale=1e3)
    mixed = {key: torch.cat([other[key][:row], batch[key][row:row + 1], other[key][row + 1:]]) for key in batch}
    for alone, among in zip(agent.model.observe(batch, seeded()), agent.model.observe(mixed, seeded())):
        torch.testing.assert_close(among[row], alone[row], rtol=1e-5, atol=1e-5)
    rng = np.random.default_rng(seed)
    mine, others = observe(task, rng, BATCH), observe(task, rng, BATCH, scale=1e3)
    mixed_sight = {key: np.concatenate([others[key][:row], value[row:row + 1], others[key][row + 1:]])
                   for key, value in mine.items()}
    answers = []
    for sight in (mine, mixed_sight):
        policy = Policy(config, task, seed=seed)
        action, carry, _ = policy.act(policy.initial(BATCH), sight, np.ones(BATCH, bool))
        action, carry, _ = policy.act(carry, sight, np.arange(BATCH) != row)
        answers.append((action[row], *(part[row] for part in carry)))
    for alone, among in zip(*answers):
        np.testing.assert_allclose(among, alone, atol=1e-5)


@pytest.mark.parametrize('name', [name for name in AGENTS if name != 'planet'])  # whose plans take more numbers for more
@given(seen=SEEN, discrete=st.booleans(), envs=st.integers(2, 5), seed=SEEDS)
@examples(4)
def test_an_environment_gets_the_same_answer_alone(name: str, seen: Seen, discrete: bool, envs: int, seed: int) -> None:
    config, task = shrunk(name, discrete), task_of(seen, discrete)
    sight = observe(task, np.random.default_rng(seed), envs)
    answers = []
    for count in (1, envs):
        policy = Policy(config, task, seed=seed)
        shown = {key: value[:count] for key, value in sight.items()}
        answers.append(policy.act(policy.initial(count), shown, np.ones(count, bool), 'eval')[0][0])
    np.testing.assert_allclose(answers[1], answers[0], atol=1e-5)


FILLS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    'zero': lambda rng, shape: np.zeros(shape),
    'constant': lambda rng, shape: np.full(shape, 3.7),
    'huge': lambda rng, shape: np.full(shape, 1e6),
    'lowest': lambda rng, shape: np.full(shape, -1e6),
    'wild': lambda rng, shape: rng.choice([-1e6, -1.0, 0.0, 1e-30, 1e6], shape),
}


@every_agent
@given(seen=SEEN, discrete=st.booleans(), vector=st.sampled_from(sorted(FILLS)), reward=st.sampled_from(sorted(FILLS)),
       pixel=st.sampled_from([0, 255]), seed=SEEDS)
@examples(8)
def test_extreme_inputs_leave_everything_finite(
        name: str, seen: Seen, discrete: bool, vector: str, reward: str, pixel: int, seed: int) -> None:
    assume(able(name, discrete))
    config, task, rng = shrunk(name, discrete), task_of(seen, discrete), np.random.default_rng(seed)
    batch = random_batch(config, task, seed)
    for key, spec in task.observation.items():
        x = batch[OBSERVATION + key]
        x[:] = pixel if spec.image else torch.from_numpy(FILLS[vector](rng, tuple(x.shape)))
    batch['reward'][:] = torch.from_numpy(FILLS[reward](rng, (BATCH, LENGTH)))
    agent = Agent(config, task, seed=seed)
    for data in (batch, batch, random_batch(config, task, seed)):
        metrics = agent.train_step(data)
        latents = metrics.pop('latents')
        wrong = {key: value for key, value in metrics.items() if not math.isfinite(value)}
        assert not wrong
        assert latents is None or torch.isfinite(latents['deter']).all()
    assert all(torch.isfinite(value).all() for value in agent.networks.state_dict().values())
    policy = Policy(config, task, seed=seed)
    policy.load(agent.policy_parameters())
    sight = {key: batch[OBSERVATION + key][:, 0].numpy() for key in task.observation}
    action, carry, _ = policy.act(policy.initial(BATCH), sight, np.ones(BATCH, bool))
    assert all(np.isfinite(part).all() for part in (action, *carry))


@every_agent
@given(discrete=st.booleans(), place=st.tuples(st.integers(0, BATCH - 1), st.integers(0, LENGTH - 2)), bad=st.sampled_from([
    ('action', math.nan), ('reward', math.nan), *((OBSERVATION + 'pose', value) for value in (math.nan, math.inf, -math.inf))]))
@examples(8)
def test_a_batch_that_is_not_finite_changes_no_parameter(
        name: str, discrete: bool, place: tuple[int, int], bad: tuple[str, float]) -> None:
    assume(able(name, discrete) and not (discrete and bad[0] == 'action'))
    config, task = shrunk(name, discrete), task_of('vector', discrete)
    agent = Agent(config, task)
    agent.train_step(random_batch(config, task, 0))
    batch = random_batch(config, task, 1)
    batch['is_first'][:] = False
    batch[bad[0]][place] = bad[1]
    before = {key: p.detach().clone() for key, p in agent.networks.named_parameters() if p.requires_grad}
    metrics = agent.train_step(batch)
    assert not (math.isfinite(metrics['loss']) and math.isfinite(metrics['gradient_norm']))
    now = agent.networks.state_dict()
    assert all(torch.equal(value, now[key]) for key, value in before.items())
    assert all(torch.isfinite(value).all() for value in now.values())  # running averages too
    after = agent.train_step(random_batch(config, task, 2))
    assert all(math.isfinite(value) for key, value in after.items() if key != 'latents')
