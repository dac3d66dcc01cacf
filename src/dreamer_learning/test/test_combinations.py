"""Agents, blocks, tasks and checkpoints that do not go together are refused."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from family_toys import AGENTS, shrunk, task_of, tiny
from learning_toys import CONFIG_DIR

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.config import ConfigError
from dreamer_learning.policy import Policy


@pytest.mark.parametrize(('overrides', 'message'), [
    ({'dynamics': {'latent': 'gaussian'}}, 'replay: context: only for categorical latents'),
    ({'dynamics': {'initial': 'learned'}}, 'replay: context: only for categorical latents and an initial state of zeros'),
    ({'dynamics': {'cell': 'gru', 'blocks': 1}}, "cell 'gru' does not go with networks: norm 'rms'"),
    ({'behaviour': {'method': 'value_gradient', 'rollouts': 1, 'mean_penalty': 0.0}},
     "replay_critic: 0 with behaviour: method 'value_gradient'"),
    ({'behaviour': {'method': 'plan'}}, "'plan' is not allowed; did you mean 'planning'"),
    ({'behaviour': {'planning': {'top': 7}}}, 'planning: top 7: at most candidates'),
    ({'behaviour': {'exploration': 'epsilon', 'exploration_amount': 1.5}}, 'at most 1 for epsilon'),
    ({'dynamics': {'classes': 300}}, 'at least 2 and at most 256'),
    ({'networks': {'image_bits': 9}}, 'at least 1 and at most 8'),
    ({'heads': {'bins': 20}}, 'odd number'),
    ({'heads': {'actor_min_std': 2.0}}, 'at most actor_max_std'),
    ({'behaviour': {'return_low': 99.0}}, 'below return_high'),
    ({'loss': {'kl_balance': 0.8}}, 'loss: dynamics: not beside kl_balance'),
    ({'loss': {'representation': None}}, 'loss: kl_balance, or both of dynamics and representation'),
    ({'behaviour': {'method': 'planning', 'rollouts': 4}}, "rollouts 4: 1 unless with method 'actor_critic'"),
    ({'behaviour': {'method': 'planning', 'rollouts': 1, 'mean_penalty': 0.1}},
     "mean_penalty 0.1: 0 with method 'planning'"),
    ({'behaviour': {'bootstrap': False}}, "bootstrap: false only with method 'value_gradient'"),
    ({'replay': {'contexts': True}}, "did you mean 'context'"),
    ({'blocks': ['x']}, "'blocks' is fixed"),
])
def test_wrong_combinations_are_refused(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        tiny('dreamer_v3', overrides)
    assert 'dreamer_v3.yaml' in str(caught.value)


@pytest.mark.parametrize('make', [Agent, Policy])
def test_blocks_of_an_image_decoder_divide_the_state_where_there_are_images(make: type[Agent] | type[Policy]) -> None:
    config = tiny('dreamer_v3', {'networks': {'image_blocks': 3}})
    make(config, task_of('vector'))
    with pytest.raises(ConfigError, match='^agent dreamer_v3, .*: networks: image_blocks 3: must divide dynamics: deter'):
        make(config, task_of('image'))


@pytest.mark.parametrize('make', [Agent, Policy])
def test_what_does_not_go_with_the_actions_is_refused(make: type[Agent] | type[Policy]) -> None:
    with pytest.raises(ConfigError, match="^agent planet, size cpu, task buttons: .* 'planning' needs continuous actions"):
        make(shrunk('planet'), dataclasses.replace(task_of('vector', discrete=True), name='buttons'))
    with pytest.raises(ConfigError, match="^agent dreamer_v1, size cpu, blocks discrete: .* 'epsilon' needs discrete actions"):
        make(tiny('dreamer_v1', blocks=['discrete']), task_of('vector'))
    with pytest.raises(ConfigError, match="agent dreamer_v1.*: behaviour: exploration 'noise' needs .*block `discrete`"):
        make(shrunk('dreamer_v1'), task_of('vector', discrete=True))


def test_image_gradients_need_images() -> None:
    with pytest.raises(ConfigError, match='dreamer_v2: loss: image_gradient: false needs .*: reconstruction_gradient'):
        Agent(tiny('dreamer_v2', blocks=['no_image_gradients']), task_of('vector'))


@pytest.mark.parametrize(('agent', 'block', 'nearest'), [
    ('dreamer_v2', 'atary', 'atari'), ('dreamer_v1', 'no_values', 'no_value'), ('planet', 'overshoot', 'overshooting'),
    ('daydreamer', 'arms', 'arm'), ('dreamer_v3', 'paper_unimx', 'paper_unimix')])
def test_an_unknown_block_is_refused(agent: str, block: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"{agent}.yaml: blocks: unknown block '{block}'; .*{nearest}"):
        tiny(agent, blocks=[block])


@pytest.mark.parametrize('name', AGENTS)
def test_an_unknown_key_in_a_block_is_refused(name: str, tmp_path: Path) -> None:
    content = yaml.safe_load((CONFIG_DIR / 'agents' / f'{name}.yaml').read_text())
    content.setdefault('blocks', {}).update(mine={'dynamics': {'hiden': 3}}, other={'dynamic': {}}, text='x')
    (tmp_path / 'agents').mkdir()
    (tmp_path / 'agents' / f'{name}.yaml').write_text(yaml.safe_dump(content))
    assert load_agent(tmp_path, name, 'cpu').agent == name
    for block, message in (('mine', "dynamics: unknown key 'hiden'; did you mean 'hidden'"),
                           ('other', "unknown key 'dynamic'; did you mean 'dynamics'"), ('text', "'text' must be a mapping")):
        with pytest.raises(ConfigError, match=message) as caught:
            load_agent(tmp_path, name, 'cpu', blocks=[block])
        assert f'{name}.yaml' in str(caught.value)


def test_no_agent_takes_the_checkpoint_of_another() -> None:
    task = task_of()
    agents = {name: Agent(shrunk(name), task) for name in AGENTS}
    states: dict[str, dict[str, Any]] = {name: agent.state_dict() for name, agent in agents.items()}
    for name, agent in agents.items():
        before = {key: value.clone() for key, value in agent.networks.state_dict().items()}
        for other, state in states.items():
            if other != name:
                with pytest.raises(ConfigError, match='does not fit configuration'):
                    agent.load_state_dict(state)
        assert all(torch.equal(value, before[key]) for key, value in agent.networks.state_dict().items())
