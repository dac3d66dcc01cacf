"""Says what a run has recorded: files, streams, steps, episodes, gaps, duration."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from rclpy.utilities import remove_ros_args

from dreamer_learning.config import ConfigError
from dreamer_recorder.reader import read_steps
from dreamer_recorder.recording import lock, release
from dreamer_recorder.repair import repair, summarise
from dreamer_recorder.scan import files_in_order, is_finished


@dataclasses.dataclass
class StreamInfo:
    """What was recorded of one stream.

    Attributes:
        steps: recorded observations; `actions` of them have an action.
        episodes: finished ones, of all environments.
        gaps, missing: jumps of `step`, and the steps jumped over.
        start, end: robot time of the first and last observation, seconds.
        reward: sum over all steps and environments; `rewards` is their number, first steps of episodes left out.
    """

    steps: int = 0
    actions: int = 0
    episodes: int = 0
    gaps: int = 0
    missing: int = 0
    start: float = 0.0
    end: float = 0.0
    reward: float = 0.0
    rewards: int = 0
    newest: int = -1


def streams(bags_dir: Path) -> dict[int, StreamInfo]:
    """Stream -> what was recorded of it, oldest first."""
    found: dict[int, StreamInfo] = {}
    for step in read_steps(bags_dir):
        info = found.get(step.stream)
        if info is None:
            info = found[step.stream] = StreamInfo(start=step.stamp, newest=step.step - 1)
        if step.step > info.newest + 1:
            info.gaps += 1
            info.missing += step.step - info.newest - 1
        info.newest = max(info.newest, step.step)
        info.steps += 1
        info.actions += step.action is not None
        info.episodes += int(step.is_last.sum())
        info.end = max(info.end, step.stamp)
        counted = ~step.is_first
        info.reward += float(step.reward[counted].sum())
        info.rewards += int(counted.sum())
    return found


def describe(bags_dir: Path) -> str:
    """The report as text."""
    lines = [f'{bags_dir}']
    for path in files_in_order(bags_dir):
        note = '' if is_finished(path) else '  unfinished (being written, or cut short: --repair)'
        messages = summarise(path).messages
        lines.append(f'  {path.relative_to(bags_dir)}  {path.stat().st_size / 1e6:.1f} MB  {messages} messages{note}')
    found = streams(bags_dir)
    for stream, info in found.items():
        mean = f'{info.reward / info.rewards:.3f}' if info.rewards else '-'
        lines.append(
            f'stream {stream}: {info.steps} steps, {info.actions} with action, {info.episodes} episodes, '
            f'{info.gaps} gaps ({info.missing} steps missing), {info.end - info.start:.1f} s, mean reward {mean}'
        )
    duration = sum(info.end - info.start for info in found.values())
    lines.append(f'total: {len(found)} streams, {sum(info.steps for info in found.values())} steps, {duration:.1f} s')
    return '\n'.join(lines)


def run(arguments: Sequence[str]) -> int:
    """Print the report of one run directory; returns the exit code."""
    parser = argparse.ArgumentParser(prog='info', description=__doc__)
    parser.add_argument('run_dir', type=Path, help='run directory, or any folder with bags')
    parser.add_argument('--repair', action='store_true', help='finish files that were cut short')
    options = parser.parse_args(arguments)
    bags = options.run_dir / 'bags' if (options.run_dir / 'bags').is_dir() else options.run_dir
    try:
        if not bags.is_dir():
            raise ConfigError(f'run_dir: {bags} is not a folder')
        if options.repair:
            held = lock(bags)
            print('\n'.join(repair(bags)) or 'nothing to repair')
            release(held)
        print(describe(bags))
    except (ConfigError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


def main() -> int:
    """Describe the run directory that the command line names; returns the exit code."""
    return run(remove_ros_args(sys.argv)[1:])
