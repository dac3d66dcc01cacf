from collections.abc import Callable

import pytest
import torch
from learning_toys import small_config, small_task

from dreamer_learning import footprint
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.config import ConfigError
from dreamer_learning.policy import Policy
from dreamer_learning.spaces import Task


@pytest.mark.parametrize(('make', 'copies'), [(Agent, 4), (Policy, 1)])
def test_networks_that_the_memory_does_not_hold_are_refused_before_they_are_built(
    make: Callable[[AgentConfig, Task], object], copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, 'available_memory', lambda: 2**31)
    # 17 GB for one layer.
    config = small_config(networks={'units': 65536})
    with pytest.raises(ConfigError, match=r'agent dreamer_v3, size cpu: [\d,]+ parameters take [\d,.]+ GiB of memory, '
                                          r'2\.0 GiB are available; choose a smaller size, or less of networks: units'):
        make(config, small_task())
    networks = make(small_config(), small_task()).networks  # type: ignore[attr-defined]
    size = 4 * sum(value.numel() for value in networks.state_dict().values())
    monkeypatch.setattr(footprint, 'available_memory', lambda: copies * size)
    make(small_config(), small_task())
    monkeypatch.setattr(footprint, 'available_memory', lambda: copies * size - 1)
    with pytest.raises(ConfigError, match='GiB are available'):
        make(small_config(), small_task())
    monkeypatch.setattr(footprint, 'available_memory', lambda: None)
    make(small_config(), small_task())


def test_the_check_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    Agent(small_config(), small_task())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(('section', 'key'), [
    ('networks', 'units'), ('networks', 'depth'), ('networks', 'encoder_layers'), ('dynamics', 'deter'), ('dynamics', 'stoch'),
    ('heads', 'actor_layers'), ('heads', 'bins'),
])
@pytest.mark.parametrize('value', [10_000_000, 10**30, 10**400])
def test_sizes_beyond_any_agent_are_refused(section: str, key: str, value: int) -> None:
    text = rf'dreamer_v3.yaml: {section}: {key}: 10+ is not allowed; at least \d and at most \d+$'
    with pytest.raises(ConfigError, match=text):
        small_config(**{section: {key: value}})
