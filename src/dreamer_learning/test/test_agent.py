import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from family_toys import tiny
from learning_toys import CONFIG_DIR, make_batch, small_config, small_task

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.checkpoint import load, save
from dreamer_learning.config import ConfigError
from dreamer_learning.heads import Actor, feature_size
from dreamer_learning.policy import Policy
from dreamer_learning.spaces import ActionSpec, MirrorSpec, Task, TensorSpec, load_task
from dreamer_learning.weights import WeightsError, dump, parse


def test_size_1m_has_the_published_number_of_parameters() -> None:
    task = Task('dmc', 50.0, 1000, 'x', {'state': TensorSpec((24,))}, ActionSpec(6))
    assert Agent(load_agent(CONFIG_DIR, 'dreamer_v3', '1m'), task).parameter_count() == 640_867


@pytest.mark.parametrize(('discrete', 'image'), [(False, False), (True, False), (False, True), (True, True)])
def test_an_update_changes_every_part_and_returns_finite_metrics(discrete: bool, image: bool) -> None:
    config = small_config(loss={'free_nats': 0.0}, behaviour={'entropy_target': 0.5, 'value_centering': 0.01})
    task = small_task(discrete, image)
    agent = Agent(config, task)
    before = {name: value.clone() for name, value in agent.networks.state_dict().items()}
    batch = make_batch(config, task)
    for _ in range(3):  # layers behind a head that starts at zero move from the second update on, averages after that
        metrics = agent.train_step(batch)
    latents = metrics.pop('latents')
    assert latents['deter'].shape == (4, 8, 32)
    assert latents['deter'].dtype == torch.float16
    assert latents['stoch'].shape == (4, 8, 4)
    assert all(math.isfinite(value) for value in metrics.values()), metrics
    same = [name for name, value in agent.networks.state_dict().items() if torch.equal(value, before[name])]
    assert not same


@pytest.mark.parametrize(('agent', 'block'), [('dreamer_v3', ''), ('dreamer_v2', 'atari'), ('dreamer_v1', 'atari')])
def test_everything_learns_from_the_transformed_rewards(agent: str, block: str) -> None:
    given: dict = {} if block else {'loss': {'reward_transform': 'tanh'}}  # dreamer_v3: its critic learns from replayed rewards
    config, task = tiny(agent, given, [block] if block else []), small_task()
    plain = dataclasses.replace(config, loss=dataclasses.replace(config.loss, reward_transform='none'))
    batch = make_batch(config, task)
    batch['reward'] *= 3
    before = batch['reward'].clone()
    one, other, untouched = Agent(config, task), Agent(plain, task), Agent(plain, task)
    for _ in range(2):
        metrics, without = one.train_step(batch), untouched.train_step(batch)
        expected = other.train_step({**batch, 'reward': torch.tanh(batch['reward'])})
    for name in ('latents', 'learning_rate'):
        metrics.pop(name), expected.pop(name)
    assert metrics == expected
    assert metrics['loss/reward'] != without['loss/reward']
    assert torch.equal(batch['reward'], before)


def test_training_is_repeatable_from_a_seed_and_from_a_checkpoint(tmp_path: Path) -> None:
    config, task = small_config(), small_task()
    batches = [make_batch(config, task, seed) for seed in range(4)]
    first, second, other = Agent(config, task, seed=1), Agent(config, task, seed=1), Agent(config, task, seed=2)
    losses = []
    for number, batch in enumerate(batches):
        if number == 2:
            path = tmp_path / 'checkpoint-000000000002.safetensors'
            save(path, second.state_dict())
            second = Agent(config, task, seed=99)
            second.load_state_dict(load(path))
        losses.append([agent.train_step(batch)['loss'] for agent in (first, second, other)])
    assert [row[0] for row in losses] == [row[1] for row in losses]
    assert losses[-1][0] != losses[-1][2]
    assert first.updates == second.updates == 4
    for name, value in first.networks.state_dict().items():
        assert torch.equal(value, second.networks.state_dict()[name]), name


def test_a_state_from_a_gpu_goes_on_with_other_random_numbers() -> None:
    agent, other = (Agent(small_config(), small_task(), seed=seed) for seed in (0, 1))
    state = {**agent.state_dict(), 'updates': 7, 'generator': torch.zeros(16, dtype=torch.uint8)}
    other.load_state_dict(state)
    assert other.updates == 7
    assert all(torch.equal(value, agent.networks.state_dict()[name]) for name, value in other.networks.state_dict().items())
    drawn = torch.rand(3, generator=other.generator)
    other.load_state_dict(state)
    assert torch.equal(torch.rand(3, generator=other.generator), drawn)


def test_normalised_advantages_are_part_of_the_state(tmp_path: Path) -> None:
    config, task = small_config(behaviour={'advantage_normalisation': 'mean_std'}), small_task()
    agent, batch = Agent(config, task), make_batch(config, task)
    for _ in range(3):
        agent.train_step(batch)
    path = tmp_path / 'checkpoint-000000000003.safetensors'
    save(path, agent.state_dict())
    other = Agent(config, task, seed=9)
    other.load_state_dict(load(path))
    assert other.behaviour.advantages is not None
    assert agent.behaviour.advantages is not None
    assert torch.equal(other.behaviour.advantages.moments, agent.behaviour.advantages.moments)
    assert other.train_step(batch)['loss'] == agent.train_step(batch)['loss']
    assert Agent(small_config(), task).behaviour.advantages is None


def test_each_output_is_a_tensor_of_its_own_for_the_clipping() -> None:
    agent = Agent(small_config(), small_task())
    shapes = {name: tuple(p.shape) for name, p in agent.networks.named_parameters() if name.endswith('weight')}
    assert shapes['behaviour.actor.mlp.out.layers.0.weight'] == (3, 16)  # mean
    assert shapes['behaviour.actor.mlp.out.layers.1.weight'] == (3, 16)  # standard deviation
    assert shapes['model.decoder.mlp.out.layers.0.weight'] == (7, 16)  # pose, two of its numbers as sine and cosine
    assert shapes['model.decoder.mlp.out.layers.1.weight'] == (4, 16)  # speed
    discrete = dict(Agent(small_config(), small_task(discrete=True)).networks.named_parameters())
    assert discrete['behaviour.actor.mlp.out.weight'].shape == (3, 16)


@pytest.mark.parametrize(('agent', 'deviation'), [('dreamer_v3', 0.01), ('daydreamer', 1.0)])
def test_the_actors_layer_of_deviations_begins_as_in_the_public_code(agent: str, deviation: float) -> None:
    config = load_agent(CONFIG_DIR, agent, 'paper' if agent == 'daydreamer' else '12m')
    task = load_task(CONFIG_DIR, 'a1_walk')
    layers: Any = Actor(feature_size(config), task.action, config.networks, config.heads).mlp.out.layers
    inputs, outputs = layers[1].in_features, layers[1].out_features
    variance = 2 / (inputs + outputs) if agent == 'daydreamer' else 1 / inputs
    measured = [float(layer.weight.detach().std() / variance ** 0.5) for layer in layers]
    assert measured == pytest.approx([config.heads.actor_outscale, deviation], rel=0.05)


def test_state_of_another_task_is_refused() -> None:
    state = Agent(small_config(), dataclasses.replace(small_task(), name='old')).state_dict()
    wide = Agent(small_config(), dataclasses.replace(small_task(actions=4), name='new'))
    with pytest.raises(ConfigError, match=r'\(agent .*, size .*, task old\) does not fit .* \(agent .*, size .*, task new\)$'):
        wide.load_state_dict(state)
    with pytest.raises(ConfigError, match=r'\(.*, task new\) does not .*, task new\): the values behind these names differ$'):
        wide.load_state_dict({**state, 'names': wide.names()})
    del state['names']
    with pytest.raises(ConfigError, match=r'\(agent and task not known\) does not fit'):
        wide.load_state_dict(state)


def test_a_state_without_names_is_taken_over() -> None:
    agent = Agent(small_config(), small_task(), seed=1)
    state = agent.state_dict()
    del state['names']
    other = Agent(small_config(), small_task(), seed=2)
    other.load_state_dict(state)
    assert all(torch.equal(value, agent.networks.state_dict()[name]) for name, value in other.networks.state_dict().items())


def test_a_bad_batch_changes_nothing() -> None:
    config, task = small_config(), small_task()
    agent = Agent(config, task)
    agent.train_step(make_batch(config, task))
    before = {name: value.clone() for name, value in agent.model.state_dict().items()}
    batch = make_batch(config, task)
    batch['reward'][0, 3] = math.nan
    assert not math.isfinite(agent.train_step(batch)['gradient_norm'])
    for name, value in agent.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert agent.unsound().startswith('the gradient of model.')
    assert math.isfinite(agent.train_step(make_batch(config, task))['loss'])
    assert agent.unsound() == ''


@pytest.mark.parametrize('image', [False, True])
def test_report_shows_truth_and_open_loop_prediction(image: bool) -> None:
    config, task = small_config(), small_task(image=image)
    agent, batch = Agent(config, task), make_batch(config, task)
    report = agent.report(batch, sequences=2)
    assert report['context'] == 4
    np.testing.assert_array_equal(report['pose/truth'], batch['observation/pose'][:2].numpy())
    assert report['speed/model'].shape == (2, 8, 2, 2)
    assert ('camera/model' in report) == image
    if image:
        assert report['camera/model'].dtype == np.uint8
    blinded = {name: value.clone() for name, value in batch.items()}
    blinded['observation/pose'][:, 4:] = 0.0  # what is seen after the context must not matter
    np.testing.assert_array_equal(agent.report(blinded, 2)['pose/model'], report['pose/model'])


@pytest.mark.parametrize('discrete', [False, True])
def test_policy_follows_the_filtered_state_of_the_model(discrete: bool) -> None:
    config, task = small_config(dynamics={'unimix': 0.0}), small_task(discrete)
    agent, policy = Agent(config, task, seed=3), Policy(config, task, seed=4)
    for name, value in agent.model.named_parameters():
        if name == 'rssm.posterior.out.bias':  # a posterior that is sure makes sampling deterministic
            value.data.view(4, 4)[2] = 1e3
    policy.load(parse(dump(agent.policy_parameters())))
    batch = make_batch(config, task)
    batch['is_first'][:, 0] = True
    carry, actions, deters = policy.initial(4), [], []
    for t in range(8):
        obs = {name: batch[f'observation/{name}'][:, t].numpy() for name in task.observation}
        action, carry, latent = policy.act(carry, obs, batch['is_first'][:, t].numpy(), 'train')
        actions.append(torch.from_numpy(action))
        deters.append(latent['deter'])
        assert latent['stoch'].tolist() == [[2] * 4] * 4
    batch['action'] = torch.stack(actions, 1)
    assert batch['action'].dtype == (torch.int32 if discrete else torch.float32)
    with torch.no_grad():
        expected = agent.model.observe(batch, None)[0]
    np.testing.assert_allclose(np.stack(deters, 1), expected.numpy(), atol=2e-3)


def test_policy_actions_are_bounded_repeatable_and_greedy_in_evaluation() -> None:
    config, task = small_config(), small_task()
    obs = {name: np.zeros((500, *spec.shape), np.float32) for name, spec in task.observation.items()}
    first = np.ones(500, bool)
    policy, twin = Policy(config, task, seed=1), Policy(config, task, seed=1)
    action, _, _ = policy.act(policy.initial(500), obs, first)
    assert action.shape == (500, 3)
    assert np.abs(action).max() == 1.0
    np.testing.assert_array_equal(action, twin.act(twin.initial(500), obs, first)[0])
    greedy, _, _ = policy.act(policy.initial(500), obs, first, 'eval')
    assert np.abs(greedy).max() < 0.1


def test_policy_names_a_wrong_observation() -> None:
    config, task = small_config(), small_task()
    policy = Policy(config, task)
    with pytest.raises(ValueError, match=r"'speed' is missing"):
        policy.act(policy.initial(1), {'pose': np.zeros((1, 5), np.float32)}, np.array([True]))
    wrong = {'pose': np.zeros((1, 6), np.float32), 'speed': np.zeros((1, 2, 2), np.float32)}
    with pytest.raises(ValueError, match=r"'pose' has shape \(1, 6\), expected \(1, 5\)"):
        policy.act(policy.initial(1), wrong, np.array([True]))


def test_bad_weights_are_refused_and_the_old_ones_stay() -> None:
    config, task = small_config(), small_task()
    good = Agent(config, task, seed=5).policy_parameters()
    policy = Policy(config, task)
    policy.load(good)
    name = 'actor.mlp.out.layers.1.weight'
    other = {key: value + 1 for key, value in good.items()}  # nothing of it may get in
    bad = {
        'missing': {key: value for key, value in other.items() if key != name},
        'unexpected': {**other, 'rssm.prior.out.weight': torch.zeros(2)},
        'has shape': {**other, name: torch.zeros(2, 2)},
        'not finite': {**other, name: torch.full_like(good[name], math.nan)},
    }
    for message, parameters in bad.items():
        with pytest.raises(WeightsError, match=message):
            policy.load(parameters)
    for key, value in policy.networks.state_dict().items():
        assert torch.equal(value, good[key])


def test_damaged_weight_bytes_are_refused() -> None:
    data = dump({'a': torch.arange(10.0)})
    assert torch.equal(parse(data)['a'], torch.arange(10.0))
    for damaged in (b'', data[:-1], data[:9], b'\x80\x04pickle' * 4):
        with pytest.raises(WeightsError, match=f'{len(damaged)} bytes'):
            parse(damaged)


def test_hash_agrees_exactly_when_parameters_mean_the_same() -> None:
    config, task = small_config(), small_task()
    faster = dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, learning_rate=1.0))
    longer = dataclasses.replace(task, episode_length=50)
    assert faster.hash(longer) == config.hash(task)
    assert config.hash(dataclasses.replace(task, control_rate=50.0)) != config.hash(task)
    assert config.hash(task, {'joints': ['a']}) == config.hash(dataclasses.replace(task, identity={'joints': ['a']}))
    assert config.hash(task, {'joints': ['a']}) != config.hash(task)
    assert small_config(networks={'units': 24}).hash(task) != config.hash(task)
    assert small_config(networks={'decoder_outscale': 0.5}).hash(task) == config.hash(task)
    assert config.hash(small_task(discrete=True)) != config.hash(task)
    plain = {name: dataclasses.replace(spec, angles=0) for name, spec in task.observation.items()}
    assert config.hash(dataclasses.replace(task, observation=plain)) != config.hash(task)
    sides = {'pose': MirrorSpec(), 'speed': MirrorSpec(), 'action': MirrorSpec()}
    assert config.hash(dataclasses.replace(task, mirror=sides)) == config.hash(task)


@pytest.mark.parametrize(('agent', 'size', 'expected'), [
    ('daydreamer', 'paper', '38f0ca47b0f18230'),
    ('daydreamer', 'cpu', 'e95a92efa16ec118'),
    ('dreamer_v1', 'paper', '6126056219996940'),
    ('dreamer_v1', 'cpu', '947a1a3b2453cd50'),
    ('dreamer_v2', 'paper', 'fcf1250631e5b4f1'),
    ('dreamer_v2', 'cpu', 'afc868bd778e6f69'),
    ('dreamer_v3', 'cpu', '583e72d31e280745'),
    ('dreamer_v3', '12m', 'd7735f715b52cb7b'),
    ('planet', 'paper', '7fc36a55c785d471'),
    ('planet', 'cpu', 'a5658e00b391ed5c'),
])
def test_runs_of_shipped_agents_can_be_resumed(agent: str, size: str, expected: str) -> None:
    """A changed hash ends the resuming of every run of that agent: only with parameters that mean something else."""
    assert load_agent(CONFIG_DIR, agent, size).hash(load_task(CONFIG_DIR, 'a1_walk')) == expected


def test_images_of_an_unusable_size_are_refused() -> None:
    task = dataclasses.replace(small_task(), observation={'front': TensorSpec((50, 64, 3), 'uint8')}, name='look')
    for config, allowed in ((small_config(), 'multiples of [0-9]+ from [0-9]+ to [0-9]+'),
                            (load_agent(CONFIG_DIR, 'dreamer_v1', 'cpu'), "'strided' takes 64 x 64 pixels")):
        for make in (Agent, Policy):
            with pytest.raises(ConfigError, match=f'^agent {config.agent}, .*, task look: observation: front: image of 50 x 64 '
                                                  f'pixels.*networks: .*{allowed}'):
                make(config, task)


def test_images_of_two_sizes_are_refused_by_name() -> None:
    seen = {'front': TensorSpec((64, 64, 3), 'uint8'), 'rear': TensorSpec((32, 32, 3), 'uint8')}
    with pytest.raises(ConfigError, match=r'observation: front \[64, 64, 3\], rear \[32, 32, 3\]: .* one height and width'):
        Agent(small_config(), dataclasses.replace(small_task(), observation=seen))


@pytest.mark.parametrize(('agent', 'size', 'overrides', 'message'), [
    ('dreamer_v33', 'cpu', None, "did you mean 'dreamer_v3'"),
    ('dreamer_v3', '12', None, "did you mean '12m'"),
    ('dreamer_v3', 'cpu', {'optimiser': {'learning_rat': 1.0}}, "did you mean 'learning_rate'"),
    ('dreamer_v3', 'cpu', {'replay': {'batch': 'many'}}, 'expected int'),
    ('dreamer_v3', 'cpu', {'dynamics': {'blocks': 7}}, 'multiple of blocks'),
    ('dreamer_v3', 'cpu', {'behaviour': {'advantage_normalisation': 'mean'}}, "did you mean 'mean_std'"),
    ('dreamer_v3', 'cpu', {'optimiser': {'anneal': {'step': 9}}}, "did you mean 'steps'"),
    ('dreamer_v3', 'cpu', {'optimiser': {'anneal': {'steps': 5}}}, 'above warmup'),
    ('dreamer_v3', 'cpu', {'optimiser': {'anneal': {'final': 2.0}}}, 'at least 0 and at most 1'),
])
def test_bad_configuration_names_the_nearest(agent: str, size: str, overrides: dict | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_agent(CONFIG_DIR, agent, size, overrides)


@pytest.mark.parametrize('size', ['cpu', '1m', '12m', '25m', '50m', '100m', '200m', '400m'])
def test_every_size_loads(size: str) -> None:
    config = load_agent(CONFIG_DIR, 'dreamer_v3', size)
    if size != 'cpu':
        d = config.dynamics.hidden
        assert (config.dynamics.deter, config.networks.units) == (8 * d, d)
        assert config.dynamics.classes == config.networks.depth == d // 16
