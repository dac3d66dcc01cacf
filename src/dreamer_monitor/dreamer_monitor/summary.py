"""The short summary at the end of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from dreamer_monitor.status import Status, clock


@dataclasses.dataclass(frozen=True)
class Launch:
    """What this launch did, apart from the state of the run.

    Attributes:
        robot_time, wall_time: seconds.
        gaps, missing: jumps of `step` in the observations, and the steps jumped over.
    """

    reason: str
    robot_time: float
    wall_time: float
    env_steps: int
    episodes: int
    gaps: int
    missing: int


def format_summary(run_dir: Path, launch: Launch, status: Status, bins: Sequence[float], recent: float | None,
                   files: Sequence[str]) -> str:
    """The summary as text.

    Args:
        bins: average reward per five minutes, oldest first.
        recent: average reward of the last five minutes.
        files: names in the run directory that are worth a look.
    """
    lines = [
        f'run          {run_dir}',
        f'ended        {launch.reason}',
        f'this launch  {clock(launch.robot_time)} of robot time in {clock(launch.wall_time)}, '
        f'{launch.env_steps:,} steps, {launch.episodes:,} episodes'
        + (f', {launch.gaps} gaps ({launch.missing} steps not received)' if launch.gaps else ''),
        f'in all       {clock(status.robot_time)} of robot time, {status.env_steps:,} steps'
        + ('' if status.updates is None else f', {status.updates:,} updates'),
    ]
    if bins and recent is not None:
        best = max(*bins, recent)
        lines.append(f'reward       {recent:.2f} per step in the last 5 minutes, best {best:.2f}, first {bins[0]:.2f}')
    if status.latency_p50 is not None and status.latency_p99 is not None:
        lines.append(f'actor        {status.latency_p50:.1f} ms median, {status.latency_p99:.1f} ms p99')
    if files:
        lines.append(f'see          {", ".join(files)}')
    return '\n'.join(lines) + '\n'
