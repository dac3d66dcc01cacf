"""What an agent takes over from another one, and whether that is a policy."""

import pytest
import torch
from family_toys import AGENTS, shrunk, task_of
from learning_toys import make_batch, small_config, small_task

from dreamer_learning.agent import Agent

AVERAGES = {'behaviour.returns.range', 'behaviour.level.reward'}


def trained(seed: int) -> Agent:
    """An agent whose running averages have moved."""
    agent = Agent(small_config(behaviour={'value_centering': 0.01}), small_task(), seed=seed)
    for _ in range(2):
        agent.train_step(make_batch(agent.config, agent.task))
    return agent


def begun(actions: int = 3, units: int = 16) -> Agent:
    config = small_config(behaviour={'value_centering': 0.01}, networks={'units': units})
    return Agent(config, small_task(actions=actions), seed=2)


def test_the_same_agent_is_taken_over_whole() -> None:
    old, same = trained(1), begun()
    adopted = same.adopt(old.state_dict())
    assert (adopted.shapes, adopted.missing, adopted.unused, adopted.apart) == ({}, [], [], [])
    assert same.updates == 0
    for name, value in same.networks.state_dict().items():
        assert torch.equal(value, old.networks.state_dict()[name]), name
    assert adopted.incomplete(same.acting_parts) == []


def test_what_fits_is_taken_over_and_the_report_counts_each_part() -> None:
    old, other = trained(1), begun(actions=4)
    before = {name: value.clone() for name, value in other.networks.state_dict().items()}
    adopted = other.adopt(old.state_dict())
    assert set(adopted.shapes) == {'model.rssm.core.from_action.weight', *(
        f'behaviour.actor.mlp.out.layers.{i}.{kind}' for i in (0, 1) for kind in ('weight', 'bias'))}
    # Scales of returns go with actor and critic together.
    assert set(adopted.apart) == AVERAGES
    for name, value in other.networks.state_dict().items():
        assert torch.equal(value, old.networks.state_dict()[name] if name in adopted.loaded else before[name]), name
    parts, text = adopted.parts(), adopted.describe()
    assert parts['encoder'][0] == parts['encoder'][1]
    assert parts['rssm'][0] == parts['rssm'][1] - 1
    assert parts['actor'][0] == parts['actor'][1] - 4
    assert parts['returns'] == parts['level'] == (0, 1)
    assert f'{len(adopted.loaded)} of {len(before)} tensors loaded (' in text
    for part, (loaded, count) in parts.items():
        assert f'{part} {loaded} of {count}' in text
    assert ' there, [' in text
    assert adopted.incomplete(other.acting_parts) == ['rssm', 'actor']


def test_leftovers_of_another_size_are_no_policy() -> None:
    other = begun(units=24)
    adopted = other.adopt(trained(1).state_dict())
    assert 0 < len(adopted.loaded) < len(other.networks.state_dict()) / 2
    assert not AVERAGES & set(adopted.loaded)
    assert not other.networks.state_dict()['behaviour.returns.range'].any()
    assert adopted.incomplete(other.acting_parts) == ['encoder', 'rssm', 'actor']


def test_running_averages_go_with_their_room() -> None:
    old, same = trained(1), begun()
    state = old.state_dict()
    # The behaviour is whole, the world model is not.
    state['networks'] = {name: value for name, value in state['networks'].items() if not name.startswith('model.decoder')}
    adopted = same.adopt(state)
    assert set(adopted.loaded) >= AVERAGES
    assert adopted.incomplete(same.acting_parts) == []
    assert adopted.parts()['decoder'][0] == 0


@pytest.mark.parametrize('name', AGENTS)
def test_what_a_policy_needs_is_named_for_every_agent(name: str) -> None:
    agent = Agent(shrunk(name), task_of())
    adopted = agent.adopt(Agent(shrunk(name), task_of(), seed=1).state_dict())
    assert adopted.incomplete(agent.acting_parts) == []
    for part in agent.acting_parts:
        assert adopted.parts()[part][0] > 0
    without = {key: value for key, value in agent.state_dict()['networks'].items() if f'.{agent.acting_parts[2]}.' not in key}
    assert agent.adopt({'networks': without}).incomplete(agent.acting_parts) == [agent.acting_parts[2]]
