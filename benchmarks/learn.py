"""Learn tasks of dm_control without ROS, and compare with what the papers report after the same number of environment steps.

    ./run python benchmarks/learn.py --agent dreamer_v3 --task cartpole_swingup --steps 500000
    ./run python benchmarks/learn.py --agent planet --size paper --inputs image --task cartpole_swingup reacher_easy --seeds 0 1 2
    ./run python benchmarks/learn.py table runs/dmc

Each run writes a folder: run.yaml (settings and, at the end, the evaluation) and progress.csv (a row for each training episode).
`table` prints all runs of a folder as a Markdown table and draws a PNG for each task; a run that goes on counts as far as it is.
Ctrl-C ends training: what was learned until then is evaluated, and no further run begins. A second one ends at once.
Action repeat, replayed steps and random steps at the start are those of each paper (benchmarks/learn.yaml) where no option says
otherwise. dm_control is installed on first use, with pip's own settings, into a cache folder.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import common
import control_suite
import learn_table
import numpy as np
import torch
from control_suite import Environment, Seen
from learn_table import PROGRESS, Settings, load_protocol

from dreamer_learner.updater import TrainingFailed, Updater
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig, block_names, load_agent
from dreamer_learning.config import SEEDS, ConfigError
from dreamer_learning.devices import PRECISIONS, check_compiler, check_device, keep_freed_memory
from dreamer_learning.policy import Carry, Policy
from dreamer_learning.replay import Replay

ROOT = Path(__file__).resolve().parent.parent
EVALUATION_EPISODES = 10
EVALUATION_SEED = 1_000_000  # added to the seed: episodes that training has not seen
REPORT_EVERY = 10.0  # seconds


class Episode(NamedTuple):
    """The end of a training episode: environment steps, return, updates, seconds since the start, and of the updates since the
    episode before: means of their metrics."""

    steps: int
    value: float
    updates: int
    seconds: float
    metrics: dict[str, float]


class Trial:
    """One agent that learns one task from one seed.

    Args:
        environment: fresh.
        config: of the agent.
        settings: steps, prefill, train_ratio, seed and device are used.

    Attributes:
        stopped: set it to end training before the next step.
    """

    def __init__(self, environment: Environment, config: AgentConfig, settings: Settings) -> None:
        self._environment, self._config, self._settings = environment, config, settings
        task, seed = environment.task, settings.seed
        self._device = torch.device(settings.device)
        keep_freed_memory()
        self.agent = Agent(config, task, self._device, seed, settings.precision)
        if settings.compile:
            self.agent.compile()
        self._policy = Policy(config, task, self._device, seed)
        self._replay = Replay.of(config, task, seed)
        self.updater = Updater(self.agent, self._replay, common.warn, common.info)
        self._random = np.random.default_rng(seed)
        self._credit = 0.0
        self.stopped = False

    def learn(self) -> Iterator[Episode]:
        """Act and train until settings.steps environment steps are done, or it is stopped; gives each episode as it ends.

        Raises:
            TrainingFailed: too many updates in a row without a finite loss.
        """
        environment, carry = self._environment, self._policy.initial(1)
        begin, value = time.monotonic(), 0.0
        seen = environment.reset()
        row = 0
        while not self.stopped and (environment.steps < self._settings.steps or seen.is_last):
            action, carry, latent = self._act(seen, carry)
            self._replay.add(0, 0, row, seen.obs, action, seen.reward, seen.is_first, seen.is_last, seen.is_terminal, latent)
            row += 1
            self._train()
            if seen.is_last:
                metrics = self.updater.meters.collect()
                yield Episode(environment.steps, value, self.agent.updates, time.monotonic() - begin, metrics)
                seen, value = environment.reset(), 0.0
            else:
                seen = environment.step(action)
                value += seen.reward

    def _act(self, seen: Seen, carry: Carry) -> tuple[np.ndarray, Carry, dict[str, np.ndarray] | None]:
        """Action (A), the next carry, and the latent for the replay where it keeps one."""
        actions, carry, latent = self._policy.act(carry, _one(seen.obs), np.array([seen.is_first]))
        if self._environment.steps >= self._settings.prefill:
            return actions[0], carry, {name: part[0] for name, part in latent.items()} or None
        actions = self._random.uniform(-1.0, 1.0, actions.shape).astype(np.float32)
        return actions[0], carry._replace(action=actions), None

    def _train(self) -> None:
        """The updates that one more step is worth."""
        replay = self._config.replay
        if self._environment.steps < self._settings.prefill or len(self._replay) < max(replay.start, replay.length + 1):
            return
        self._credit += self._settings.train_ratio / (replay.batch * replay.length)
        if self._credit < 1:
            return
        while self._credit >= 1:
            self._credit -= 1
            self.updater.update()
        if self.updater.sound:
            self._policy.load(self.agent.policy_parameters())

    def evaluate(self, environment: Environment, episodes: int) -> list[float]:
        """Returns of episodes in evaluation mode; nothing is learned from them."""
        values = []
        for _ in range(episodes):
            seen, carry, value = environment.reset(), self._policy.initial(1), 0.0
            while not seen.is_last:
                actions, carry, _ = self._policy.act(carry, _one(seen.obs), np.array([seen.is_first]), 'eval')
                seen = environment.step(actions[0])
                value += seen.reward
            values.append(value)
        return values


def _one(obs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Observations of a batch of one environment."""
    return {name: array[None] for name, array in obs.items()}


def run(settings: Settings, config: AgentConfig, make: Callable[[int], Environment], folder: Path) -> None:
    """Learn, evaluate, and keep what comes of it in the folder.

    Args:
        make: seed -> a fresh environment.

    Raises:
        ConfigError: the folder holds a run already.
        TrainingFailed: the loss was not finite for too long; run.yaml stays without an evaluation.
        KeyboardInterrupt: training was stopped by Ctrl-C, and its outcome evaluated.
    """
    common.check_free(folder / PROGRESS)
    torch.set_num_threads(settings.threads)
    trial = Trial(make(settings.seed), config, settings)
    folder.mkdir(parents=True, exist_ok=True)
    learn_table.save_run(folder, settings)
    print(f'{folder.name}: {trial.agent.parameter_count():,} parameters, action repeat {settings.repeat}, '
          f'{settings.train_ratio:g} replayed steps per action', flush=True)
    reported = -REPORT_EVERY
    try:
        with stopping(trial), (folder / PROGRESS).open('w', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(learn_table.COLUMNS)
            for episode in trial.learn():
                writer.writerow([episode.steps, round(episode.value, 3), episode.updates, round(episode.seconds, 1)])
                file.flush()
                if episode.seconds - reported >= REPORT_EVERY:
                    reported = episode.seconds
                    print(_line(episode), flush=True)
    finally:
        learn_table.save_run(folder, settings, updates_left_out=trial.updater.bad)
    values = trial.evaluate(make((settings.seed + EVALUATION_SEED) % (int(SEEDS.high) + 1)), EVALUATION_EPISODES)
    learn_table.save_run(folder, settings, values, trial.updater.bad)
    print(f'{folder.name}: evaluation {np.mean(values):.1f} +- {np.std(values):.1f} in {len(values)} episodes'
          + (f'; {trial.updater.bad} updates left out' if trial.updater.bad else ''), flush=True)
    if trial.stopped:
        raise KeyboardInterrupt


@contextlib.contextmanager
def stopping(trial: Trial) -> Iterator[None]:
    """The first Ctrl-C stops the trial between two steps, so that an update is whole; the next one interrupts."""
    before = signal.getsignal(signal.SIGINT)

    def stop(signum: int, frame: FrameType | None) -> None:
        trial.stopped = True
        signal.signal(signal.SIGINT, before)
        print('training ends; now the evaluation (Ctrl-C: none)', flush=True)

    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _line(episode: Episode) -> str:
    metrics = ' '.join(f'{name}={value:.3g}' for name, value in episode.metrics.items())
    return (f'{episode.steps:9,} steps  return {episode.value:6.1f}  updates {episode.updates:7,}  '
            f'{episode.seconds / 60:6.1f} min  {metrics}')


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'dreamer_ros' / 'dm_control'
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add('--agent', default='dreamer_v3', help='file in config/agents (default dreamer_v3)')
    add('--size', help='of the agent (default cpu; of dreamer_v3 1m)')
    add('--blocks', default='', help="the agent's blocks, for example overshooting; several with commas")
    add('--task', nargs='+', default=['cartpole_swingup'], help='one or more, <domain>_<task> (default cartpole_swingup)')
    add('--inputs', choices=['vector', 'image'], default='vector',
        help='what the agent sees: vector (default), or image, 64 x 64 pixels')
    add('--steps', type=common.number(1), default=500_000, help='environment steps, before action repeat (default 500000)')
    add('--repeat', type=common.number(1), help="environment steps per action (default: the paper's)")
    add('--train-ratio', type=common.number(0.0), help="replayed steps per action (default: the paper's)")
    add('--prefill', type=common.number(0), help="environment steps with random actions at the start (default: the paper's)")
    add('--seeds', type=common.seed, nargs='+', default=[0], help='a run each (default 0)')
    add('--compile', action='store_true', help='faster updates after a first one of about a minute')
    add('--precision', choices=PRECISIONS, default='float32', help='of matrix products and convolutions (default float32)')
    add('--threads', type=common.number(1), default=1, help='of torch (default 1)')
    add('--device', default='cpu', help='where the agent lives: cpu (default) or cuda')
    add('--overrides', default='{}', help='YAML mapping stacked onto the agent, for example {replay: {batch: 8}}')
    add('--out', type=Path, default=ROOT / 'runs' / 'dmc', help='folder of the runs (default runs/dmc)')
    add('--env-dir', type=Path, default=cache, help=f'folder of dm_control (default {cache})')
    return parser.parse_args(arguments)


def plan(arguments: argparse.Namespace, task: str, seed: int) -> Settings:
    """The settings of one run: options first, then the paper's."""
    protocol = load_protocol(arguments.agent)
    repeat = arguments.repeat or protocol.repeats.get(task, protocol.repeat)
    train_ratio = protocol.replayed * repeat if arguments.train_ratio is None else arguments.train_ratio
    device = check_device(arguments.device)
    if arguments.compile:
        check_compiler(device)
    prefill = protocol.prefill if arguments.prefill is None else arguments.prefill
    return Settings(
        agent=arguments.agent, size=arguments.size or protocol.size, blocks=','.join(block_names(arguments.blocks)), task=task,
        inputs=arguments.inputs, steps=arguments.steps, repeat=repeat, train_ratio=train_ratio, prefill=prefill, seed=seed,
        threads=arguments.threads, device=str(device), overrides=arguments.overrides,
        compile=arguments.compile, precision=arguments.precision)


def learn(arguments: argparse.Namespace) -> None:
    """All runs that the options ask for, one after the other; what is wrong with one is said before the first."""
    plans = [plan(arguments, task, seed) for task in dict.fromkeys(arguments.task) for seed in dict.fromkeys(arguments.seeds)]
    configs = [_config(settings) for settings in plans]
    folder = arguments.env_dir.expanduser().resolve()
    makers = [partial(control_suite.load, settings.task, settings.inputs, settings.repeat, folder) for settings in plans]
    for settings, make in zip(plans, makers):
        common.check_free(arguments.out / settings.name() / PROGRESS)
        make(settings.seed)
    for settings, config, make in zip(plans, configs, makers):
        run(settings, config, make, arguments.out / settings.name())


def _config(settings: Settings) -> AgentConfig:
    overrides = common.mapping('--overrides', settings.overrides)
    return load_agent(ROOT / 'config', settings.agent, settings.size, overrides, block_names(settings.blocks))


def main() -> None:
    try:
        if sys.argv[1:2] == ['table']:
            parser = argparse.ArgumentParser(prog='learn.py table', description='Table and curves of all runs in a folder.')
            parser.add_argument('folder', type=Path, help='what --out was; the PNG files go there too')
            learn_table.show(parser.parse_args(sys.argv[2:]).folder)
        else:
            learn(parse(sys.argv[1:]))
    except (ConfigError, TrainingFailed, OSError) as error:
        raise SystemExit(f'error: {error}') from None
    except KeyboardInterrupt:
        raise SystemExit('interrupted') from None


if __name__ == '__main__':
    main()
