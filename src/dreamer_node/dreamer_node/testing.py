"""What the tests of several packages share. No node imports this."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

TASK = {
    'robot': 'box', 'control_rate': 50.0, 'episode_length': 20, 'reward': 'none',
    'observation': {'state': {'shape': [5]}}, 'action': {'size': 2},
}
TINY = {
    'networks': {'units': 16, 'encoder_layers': 1, 'decoder_layers': 1},
    'dynamics': {'deter': 32, 'hidden': 16, 'stoch': 4, 'classes': 4, 'blocks': 2},
    'heads': {'actor_layers': 1, 'critic_layers': 1, 'bins': 15},
    'behaviour': {'horizon': 4},
    'replay': {'capacity': 1000, 'batch': 4, 'length': 8, 'start': 24},
}
SIZES = {'tiny': TINY, 'wide': {**TINY, 'networks': {**TINY['networks'], 'units': 24}}}


def private_domain() -> Iterator[None]:
    """A fixture: a ROS domain of this process and its children. Tests neither move nor hear what runs in the user's."""
    with contextlib.closing(socket.socket()) as holder:
        for domain in (1 + (os.getpid() + step) % 100 for step in range(100)):
            # A port holds it, as ROS 2's domain_coordinator does: packages tested at the same time do not meet either.
            with contextlib.suppress(OSError):
                if str(domain) != os.environ.get('ROS_DOMAIN_ID'):
                    holder.bind(('127.0.0.1', 22119 + domain))
                    break
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        yield


def write_small_agent(folder: Path, shipped: Path) -> None:
    """Write the task `reach` and the agent `small` in the sizes tiny and wide into a config_dir.

    Args:
        shipped: config/ of the repository; the small agent has the defaults of dreamer_v3.
    """
    defaults = yaml.safe_load((shipped / 'agents' / 'dreamer_v3.yaml').read_text())['defaults']
    for kind, name, content in (('tasks', 'reach', TASK), ('agents', 'small', {'defaults': defaults, 'sizes': SIZES})):
        (folder / kind).mkdir()
        (folder / kind / f'{name}.yaml').write_text(yaml.safe_dump(content))


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: it did not within this time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f'waited {seconds} s for {what}'
        time.sleep(0.02)
