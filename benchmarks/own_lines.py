"""Lines of code of the learning library that one agent of the family runs and no other: what it has beyond the shared parts.

    ./run python benchmarks/own_lines.py
    ./run python benchmarks/own_lines.py --where dreamer_v3

Each agent, in size cpu with few units, acts and makes an update on vectors and images, with continuous and, where it knows them,
discrete actions. A function that only one agent calls counts as a whole; of a shared one count the lines that only it reaches.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

import dreamer_learning
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.batch import to_tensors
from dreamer_learning.config import ConfigError
from dreamer_learning.policy import Policy
from dreamer_learning.replay import Replay
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec

CONFIG = Path(__file__).resolve().parents[1] / 'config'
LIBRARY = Path(dreamer_learning.__file__).resolve().parent
AGENTS = ('planet', 'dreamer_v1', 'dreamer_v2', 'dreamer_v3', 'daydreamer')
FEW: dict[str, Any] = {
    'networks': {'units': 16, 'depth': 2}, 'dynamics': {'deter': 32, 'hidden': 16, 'stoch': 4},
    'behaviour': {'horizon': 3, 'planning': {'horizon': 2, 'iterations': 2, 'candidates': 6, 'top': 2}},
    'replay': {'batch': 2, 'length': 4, 'capacity': 100, 'start': 10},
}
STEPS = 30

Line = tuple[CodeType, int]


class Reached:
    """Lines of the library that run in a with block."""

    def __init__(self) -> None:
        self.lines: set[Line] = set()

    def __enter__(self) -> Reached:
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        return self._line if Path(frame.f_code.co_filename).resolve().parent == LIBRARY else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        self.lines.add((frame.f_code, frame.f_lineno))
        return self._line


def tasks() -> Iterator[Task]:
    """Vectors and images, with both kinds of actions."""
    for discrete in (False, True):
        for observation in ({'pose': TensorSpec((5,))}, {'camera': TensorSpec((64, 64, 3), 'uint8')}):
            yield Task('toy', 20.0, 10, 'toy', observation, ActionSpec(3, discrete))


def exercise(name: str, task: Task) -> None:
    """Act on random observations, store them, make one update, act with its outcome in evaluation."""
    config = load_agent(CONFIG, name, 'cpu', FEW, ['discrete'] if task.action.discrete and name == 'dreamer_v1' else [])
    agent, policy, replay = Agent(config, task), Policy(config, task), Replay.of(config, task, 0)
    policy.load(agent.policy_parameters())
    random, carry = np.random.default_rng(0), policy.initial(1)
    for step in range(STEPS):
        obs = {key: (255 * random.random(spec.shape)).astype(spec.dtype) for key, spec in task.observation.items()}
        first, last = step % 10 == 0, step % 10 == 9
        action, carry, latent = policy.act(carry, {key: value[None] for key, value in obs.items()}, np.array([first]))
        kept = {key: part[0] for key, part in latent.items()} or None
        replay.add(0, 0, step, obs, action[0], random.random(), first, last, last, kept)
    agent.train_step(to_tensors(replay.sample(config.replay.batch, config.replay.length)))
    policy.load(agent.policy_parameters())
    policy.act(carry, {key: value[None] for key, value in obs.items()}, np.array([False]), 'eval')


def reached_by(name: str) -> set[Line]:
    """All that an agent runs.

    Raises:
        ConfigError: the agent does not go with what any of the tasks sees.
    """
    with Reached() as reached:
        for task in tasks():
            if not (task.action.discrete and name == 'planet'):  # planning knows continuous actions only
                exercise(name, task)
    return reached.lines


def own_lines(reached: dict[str, set[Line]]) -> dict[str, set[tuple[str, int]]]:
    """Agent -> file and line of what only it runs; of functions that only it calls, all lines."""
    own = {}
    for name, lines in reached.items():
        others = set().union(*(found for other, found in reached.items() if other != name))
        shared = {code for code, _ in others}
        mine = {(code.co_filename, line) for code, line in lines - others}
        for code in {code for code, _ in lines} - shared:
            mine |= {(code.co_filename, line) for _, _, line in code.co_lines() if line}
        own[name] = mine
    return own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--where', choices=AGENTS, help='list the lines of this agent')
    arguments = parser.parse_args()
    try:
        reached = {name: reached_by(name) for name in AGENTS}
    except ConfigError as error:
        raise SystemExit(f'error: {error}') from None
    except KeyboardInterrupt:
        raise SystemExit('interrupted') from None
    own = own_lines(reached)
    for name, lines in own.items():
        files = Counter(Path(file).name for file, _ in lines)
        file_length = len((CONFIG / 'agents' / f'{name}.yaml').read_text().splitlines())
        print(f'{name:11} configuration {file_length:4} lines; runs alone {len(lines):4} of {len(reached[name]):5}: '
              + ', '.join(f'{file} {count}' for file, count in files.most_common()))
    for file, line in sorted(own.get(arguments.where, ())):
        print(f'{Path(file).name}:{line}: {Path(file).read_text().splitlines()[line - 1]}')


if __name__ == '__main__':
    main()
