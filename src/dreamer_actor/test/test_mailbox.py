import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from dreamer_actor.mailbox import Announcement, WeightMailbox
from dreamer_learning import weights
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig, load_agent
from dreamer_learning.policy import Policy
from dreamer_learning.spaces import Task, load_task
from dreamer_node.refusals import Refused


class Setup:
    """A mailbox with real policies, and an agent whose weights go in."""

    def __init__(self, config_dir: Path) -> None:
        self.config: AgentConfig = load_agent(config_dir, 'small', 'tiny', {})
        self.task: Task = load_task(config_dir, 'reach')
        self.agent = Agent(self.config, self.task, 'cpu', 5)
        self.refused: list[Refused] = []
        self.policies = (Policy(self.config, self.task, 'cpu', 0), Policy(self.config, self.task, 'cpu', 0))
        self.mailbox = WeightMailbox(
            self.policies, 'small', self.config.hash(self.task), weights.parse, self.refused.append
        )

    def announce(self, version: int, **changes: Any) -> Announcement:
        values = {
            'version': version, 'agent': 'small', 'config_hash': self.config.hash(self.task), 'updates': 10 * version,
            'env_steps': 100 * version, 'data': weights.dump(self.agent.policy_parameters()), **changes,
        }
        return Announcement(**values)

    def offer(self, announcement: Announcement) -> list[str]:
        """Causes of refusal after everything was read."""
        self.mailbox.offer(announcement)
        assert self.mailbox.wait_idle(10.0)
        return [refused.cause for refused in self.refused]


@pytest.fixture
def setup(config_dir: Path) -> Iterator[Setup]:
    setup = Setup(config_dir)
    yield setup
    setup.mailbox.close()


def test_good_weights_are_taken_once(setup: Setup) -> None:
    assert setup.mailbox.take() is None
    assert setup.offer(setup.announce(3)) == []
    loaded = setup.mailbox.take()
    assert loaded is not None
    assert (loaded.version, loaded.updates, loaded.env_steps) == (3, 30, 300)
    own = loaded.policy.networks.state_dict()
    assert all(torch.equal(own[name], value) for name, value in setup.agent.policy_parameters().items())
    assert setup.mailbox.take() is None


def test_policies_take_turns_and_the_acting_one_is_never_touched(setup: Setup) -> None:
    acting = None
    for version in range(1, 6):
        if acting is not None:
            before = {name: value.clone() for name, value in acting.networks.state_dict().items()}
        with torch.no_grad():
            next(setup.agent.model.encoder.parameters()).add_(1.0)
        assert setup.offer(setup.announce(version)) == []
        if acting is not None:
            assert all(torch.equal(before[name], value) for name, value in acting.networks.state_dict().items())
        loaded = setup.mailbox.take()
        assert loaded is not None
        assert loaded.policy is not acting
        if acting is not None:
            setup.mailbox.give_back(acting)
        acting = loaded.policy


def test_of_several_that_were_not_taken_the_newest_counts(setup: Setup) -> None:
    for version in (1, 2, 3, 4):
        assert setup.offer(setup.announce(version)) == []
    loaded = setup.mailbox.take()
    assert loaded is not None
    assert loaded.version == 4
    assert setup.mailbox.take() is None


def _as_type(setup: Setup, dtype: torch.dtype) -> bytes:
    parameters = setup.agent.policy_parameters()
    first = next(iter(parameters))
    return weights.dump({**parameters, first: parameters[first].to(dtype)})


def _not_finite(setup: Setup) -> bytes:
    parameters = setup.agent.policy_parameters()
    next(iter(parameters.values())).view(-1)[0] = float('nan')
    return weights.dump(parameters)


@pytest.mark.parametrize(
    ('cause', 'change'),
    [
        ('weights_config_hash', lambda setup: {'config_hash': '0123'}),
        ('weights_agent', lambda setup: {'agent': 'planet'}),
        ('weights_version', lambda setup: {'version': 2}),
        ('weights_unreadable', lambda setup: {'data': weights.dump(setup.agent.policy_parameters())[:-7]}),
        ('weights_unreadable', lambda setup: {'data': b''}),
        ('weights_unreadable', lambda setup: {'data': weights.dump({'other': torch.zeros(3)})}),
        ('weights_unreadable', lambda setup: {'data': _not_finite(setup)}),
        # A type that PyTorch reads but cannot calculate with.
        ('weights_unreadable', lambda setup: {'data': _as_type(setup, torch.float8_e4m3fn)}),
    ],
)
def test_bad_weights_are_refused_and_good_ones_after_them_are_not(setup: Setup, cause: str, change: Any) -> None:
    setup.offer(setup.announce(3))
    assert setup.mailbox.take() is not None
    assert setup.offer(setup.announce(**{'version': 4, **change(setup)})) == [cause]
    assert setup.mailbox.take() is None
    setup.offer(setup.announce(5))
    loaded = setup.mailbox.take()
    assert loaded is not None
    assert loaded.version == 5


def test_the_same_version_again_is_no_news(setup: Setup) -> None:
    setup.offer(setup.announce(3))
    setup.mailbox.take()
    assert setup.offer(setup.announce(3)) == []
    assert setup.mailbox.take() is None


def test_a_learner_that_is_gone_may_come_back_with_lower_versions(setup: Setup) -> None:
    setup.offer(setup.announce(3))
    setup.mailbox.take()
    setup.mailbox.forget_version()
    assert setup.offer(setup.announce(1)) == []
    loaded = setup.mailbox.take()
    assert loaded is not None
    assert loaded.version == 1


def test_offering_and_taking_never_wait_for_reading(config_dir: Path) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def parse(data: bytes) -> Mapping[str, Any]:
        reading.set()
        assert go_on.wait(10.0)
        return weights.parse(data)

    setup = Setup(config_dir)
    mailbox = WeightMailbox(setup.policies, 'small', setup.config.hash(setup.task), parse, setup.refused.append)
    mailbox.offer(setup.announce(1))
    assert reading.wait(10.0)
    start = time.perf_counter()
    mailbox.offer(setup.announce(2))
    assert mailbox.take() is None
    assert time.perf_counter() - start < 1.0
    go_on.set()
    assert mailbox.wait_idle(10.0)
    loaded = mailbox.take()
    assert loaded is not None
    assert loaded.version == 2
    mailbox.close()
    setup.mailbox.close()
