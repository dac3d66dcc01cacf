"""The main job from start to end, resumed, and ended in the middle."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import yaml
from conftest import System
from rclpy.utilities import get_rmw_implementation_identifier

from dreamer_recorder.reader import read_steps


def updates_of(run_dir: Path) -> int:
    """Updates in the newest checkpoint; -1 = there is none."""
    return max((int(path.stem.rpartition('-')[2]) for path in (run_dir / 'checkpoints').glob('*.safetensors')), default=-1)


def shared_memory(pid: int) -> int:
    """Bytes of the largest piece of memory that a process shares through Fast DDS."""
    pieces = [line.split() for line in Path(f'/proc/{pid}/maps').read_text().splitlines() if '/dev/shm/fastrtps' in line]
    limits = [piece[0].split('-') for piece in pieces]
    return max((int(end, 16) - int(begin, 16) for begin, end in limits), default=0)


def test_learns_in_lockstep_and_resumes(start: Callable[..., System], tmp_path: Path) -> None:
    run_dir = tmp_path / 'a run'
    first = start(run_dir=run_dir, real_time_factor=0.0, train_ratio=16, prefill=600, steps=1500, seed=3)
    assert first.wait(400) == 0, first.output
    assert 'Traceback' not in first.output
    assert yaml.safe_load((run_dir / 'run.yaml').read_text())['agent'] == 'dreamer_v3'
    picture = cv2.imread(str(run_dir / 'learning_curve.png'))
    assert picture is not None
    assert picture.std() > 1
    learned = updates_of(run_dir)
    assert learned > 0
    steps = list(read_steps(run_dir / 'bags'))
    assert len(steps) >= 1495
    assert [step.step for step in steps] == list(range(steps[0].step, steps[0].step + len(steps)))
    assert max(step.weights_version for step in steps) > 0, 'no action was chosen by learned weights'

    second = start(run_dir=run_dir, real_time_factor=0.0, train_ratio=16, steps=200, seed=3)
    assert second.wait(400) == 0, second.output
    resumed = re.search(r'resumed from .*checkpoint-(\d+)\.safetensors', second.output)
    assert resumed, second.output
    assert int(resumed[1]) == learned
    # One update every 32 steps, counted on from the first run's.
    assert updates_of(run_dir) >= learned + 200 // 32
    again = list(read_steps(run_dir / 'bags'))
    assert len(again) >= len(steps) + 195
    with open(run_dir / 'progress.csv') as file:
        rows = list(csv.DictReader(file))
    assert rows, 'progress.csv is empty'


def test_interrupt_saves_and_ends_with_zero(start: Callable[..., System], tmp_path: Path) -> None:
    system = start(run_dir=tmp_path, real_time_factor=0.0)
    system.wait_for_output(r'[1-9][0-9.]* updates/s', 300)
    if 'fastrtps' in get_rmw_implementation_identifier():
        assert shared_memory(system.pid_of('mujoco_bridge')) >= 4 << 20, 'config/fastdds.xml is not in force'
    system.interrupt()
    assert system.wait(180) == 0, system.output
    assert updates_of(tmp_path) > 0
    assert (tmp_path / 'summary.txt').exists()
    assert yaml.safe_load((tmp_path / 'config.yaml').read_text())['task_config']['control_rate'] == 20.0
