"""Trains a world model and a policy from recorded steps alone. The run can then go on with the robot.

Started by torchrun, several processes share every batch (dreamer_learning.parallel); the first writes the files.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from rclpy.utilities import remove_ros_args
from torch.utils.tensorboard import SummaryWriter

from dreamer_learner import saving, session
from dreamer_learner.identity import every_value, run_identity
from dreamer_learner.latents import without_foreign_latents
from dreamer_learner.rundir import RunDirectory
from dreamer_learner.settings import Settings
from dreamer_learner.updater import TrainingFailed
from dreamer_learning import parallel
from dreamer_learning.agent_config import block_names, load_agent
from dreamer_learning.config import ConfigError
from dreamer_learning.devices import PRECISIONS
from dreamer_learning.replay import ReplayEmpty
from dreamer_learning.spaces import load_task
from dreamer_node.runtime import Stop, shipped_config
from dreamer_recorder.reader import read_steps

REPORT_PERIOD = 5.0
"""Seconds between two lines."""

SHOWN = ('loss', 'loss/vector', 'loss/image', 'loss/reward', 'loss/dynamics', 'return')
"""Metrics in a line; all of them are in the TensorBoard files."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog='train_offline', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: ros2 run dreamer_learner train_offline --run-dir runs/offline --bags runs/monday/bags --updates 20000; '
        '\nthen:    ros2 launch dreamer_bringup robot.launch.py run_dir:=runs/offline')
    parser.add_argument('--run-dir', required=True, type=Path, help='where checkpoints go; an existing run is trained on')
    parser.add_argument('--bags', action='append', type=Path, default=[], help='folder of bags, may be given more than once; '
                        'without it those of the run')
    parser.add_argument('--updates', type=int, default=10000, help='updates to make in this session')
    parser.add_argument('--task', default='a1_walk', help='name of config/tasks/<task>.yaml')
    parser.add_argument('--agent', default='dreamer_v3', help='name of config/agents/<agent>.yaml')
    parser.add_argument('--size', default='cpu', help='size block of the agent')
    parser.add_argument('--blocks', default='', help='named blocks of the agent that stack on the size, separated by commas')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--device', default='cpu', help='cpu or cuda; with torchrun each process takes a CUDA device of its own')
    parser.add_argument('--threads', type=int, default=0, help='torch threads; 0 = as torch chooses')
    parser.add_argument('--compile', action='store_true', help='faster updates after a first one that takes about a minute')
    parser.add_argument('--precision', choices=PRECISIONS, default='float32', help='of matrix products and convolutions; '
                        'bfloat16 is faster where the processor has it')
    parser.add_argument('--from-checkpoint', default='', help='run or checkpoint whose weights a new run begins with')
    parser.add_argument('--config-dir', type=Path, default=None, help='folder with robots/, tasks/ and agents/')
    return parser.parse_args(arguments)


def train(arguments: argparse.Namespace, stop: Stop) -> None:
    """Train until enough updates are made, or until asked to stop; saves in both cases.

    Raises:
        ConfigError: what was asked for cannot work.
        TrainingFailed: losses are not finite.
    """
    if arguments.updates < 1:
        raise ConfigError(f'--updates {arguments.updates}: at least 1')
    folder = arguments.config_dir or shipped_config()
    task = load_task(folder, arguments.task)
    config = load_agent(folder, arguments.agent, arguments.size, blocks=block_names(arguments.blocks))
    device = parallel.join(arguments.device)
    settings = Settings(
        run_dir=str(arguments.run_dir), device=device, seed=arguments.seed, train_ratio=0.0, limit_environment=False,
        publish_period=1.0, checkpoint_period=60.0, video_period=60.0, threads=arguments.threads,
        from_checkpoint=arguments.from_checkpoint, compile=arguments.compile,
        precision=arguments.precision)
    names = {**config.names(), 'task': arguments.task, 'robot': task.robot}
    with contextlib.ExitStack() as stack:
        stack.callback(parallel.leave)
        run = files = None
        if parallel.rank() == 0:
            try:
                run = RunDirectory(
                    arguments.run_dir, run_identity(names, config, task), every_value(folder, names, config, task, settings))
            except (ConfigError, OSError) as error:
                parallel.agree(error)
                raise
            stack.callback(run.close)
        parts = session.begin(config, task, settings, run, _say, _warn)
        read_bags(parts, arguments.bags or [arguments.run_dir / 'bags'])
        if run is not None:
            run.claim()
            writer = stack.enter_context(SummaryWriter(str(run.path / 'tensorboard')))
            files = Files(saving.Saver(run.checkpoints), settings.checkpoint_period, writer)
        if arguments.threads:
            torch.set_num_threads(arguments.threads)
        update(parts, arguments.updates, stop, files)


def read_bags(parts: session.Session, folders: Sequence[Path]) -> None:
    """Fill the memory, of which windows are drawn evenly from now on.

    Raises:
        ConfigError: a folder that is not there, no step that fits the task, or too few for one window.
    """
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f'--bags: {folder} is not a folder')
    experience, replay = parts.experience, parts.updater.agent.config.replay
    recorded = itertools.chain.from_iterable(read_steps(folder) for folder in folders)
    before = experience.env_steps
    read, reason = experience.restore(without_foreign_latents(recorded, parts.version))
    if reason:
        _say(f'{experience.refused} recorded steps left out, the first because of {reason}')
    where = ', '.join(str(folder) for folder in folders)
    if not read:
        raise ConfigError(f'--bags: {where}: no recorded step that fits the task{f"; {reason}" if reason else ""}')
    try:
        experience.replay.sample(1, replay.length)
    except ReplayEmpty:
        raise ConfigError(f'--bags: {where}: {read} steps, but no {replay.length} in a row; record longer') from None
    # No robot is where the last of them end.
    experience.replay.recent = 0
    # The run's own steps are paid for already; what is new counts as having just come.
    parts.credit.add(max(0, experience.env_steps - before))
    _say(f'read {read:,} steps, {experience.replay.describe()}')


class Files(NamedTuple):
    """Where the results go, and the seconds between two checkpoints."""

    saver: saving.Saver
    period: float
    writer: SummaryWriter


def update(parts: session.Session, count: int, stop: Stop, files: Files | None) -> None:
    """Make updates, say how it goes, and save.

    Args:
        files: None in all but the first of several processes.

    Raises:
        ConfigError: the last checkpoint cannot be written.
        TrainingFailed: losses are not finite; the last good checkpoint stays.
    """
    updater = parts.updater
    end = updater.agent.updates + count
    said = saved = time.monotonic()
    made = updater.agent.updates
    while not parallel.any_of(stop.code is not None) and updater.agent.updates < end:
        try:
            updater.update()
        except TrainingFailed as error:
            raise TrainingFailed(f'{error}; {files.saver.kept()}' if files else str(error)) from None
        if files is None:
            continue
        now = time.monotonic()
        if now - said >= REPORT_PERIOD or updater.agent.updates == end:
            numbers = updater.meters.collect()
            rate = (updater.agent.updates - made) / max(now - said, 1e-6)
            _report(updater.agent.updates, end, rate, numbers, files.writer)
            said, made = now, updater.agent.updates
        if now - saved >= files.period and updater.sound:
            _say(files.saver.save(_state(parts), updater.agent.updates).text)
            saved = now
    if files is None:
        return
    result = files.saver.save(_state(parts), updater.agent.updates)
    _say(result.text)
    if not result.good:
        raise ConfigError(f'run_dir: {result.text}')


def _state(parts: session.Session) -> dict[str, object]:
    return {'weights_version': parts.version, **parts.state_dict()}


def _report(updates: int, end: int, rate: float, numbers: dict[str, float], writer: SummaryWriter) -> None:
    for name, value in numbers.items():
        writer.add_scalar(f'learner/{name}', value, updates)
    shown = '  '.join(f'{name.removeprefix("loss/")} {numbers[name]:.3g}' for name in SHOWN if name in numbers)
    left = (end - updates) / rate if rate > 0 else 0.0
    _say(f'{updates:,} updates  {rate:.1f}/s  {left / 60:.0f} min left  {shown}')


def _say(text: str) -> None:
    if parallel.rank() == 0:
        print(text, flush=True)


def _warn(text: str) -> None:
    print(f'process {parallel.rank()}: {text}' if parallel.rank() else text, flush=True)


def _complain(text: str) -> None:
    """After the processes have left each other."""
    number = os.environ.get('RANK', '0')
    print(f'error (process {number}): {text}' if number != '0' else f'error: {text}', file=sys.stderr)


def main() -> int:
    """Run the executable `train_offline`; returns the exit code."""
    arguments = parse(remove_ros_args(sys.argv)[1:])
    stop = Stop()
    signal.signal(signal.SIGINT, stop.on_signal)
    signal.signal(signal.SIGTERM, stop.on_signal)
    try:
        train(arguments, stop)
    except ConfigError as error:
        _complain(str(error))
        return 2
    except TrainingFailed as error:
        _complain(str(error))
        return 1
    except parallel.OtherFailed:
        return 1
    except OSError as error:
        _complain(f'{error.filename or arguments.run_dir}: {error.strerror or error}')
        return 1
    return 0
