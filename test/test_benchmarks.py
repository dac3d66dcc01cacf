"""The other benchmarks: what they say of wrong options, and what they keep when they are stopped."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import yaml

from dreamer_learner.updater import TrainingFailed
from dreamer_learning.config import ConfigError
from dreamer_node.testing import wait_for
from dreamer_sensing.observer import SensedStep

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'benchmarks'))

import ablations  # noqa: E402
import common  # noqa: E402
import learn_robot  # noqa: E402
import own_lines  # noqa: E402
import pipeline  # noqa: E402
import policy_step  # noqa: E402
import robot_report  # noqa: E402
import standstill  # noqa: E402

SMALL = {
    'networks': {'units': 8}, 'dynamics': {'deter': 16, 'hidden': 8, 'stoch': 4, 'classes': 4},
    'behaviour': {'horizon': 2}, 'replay': {'batch': 2, 'length': 4, 'start': 8, 'capacity': 1024},
}
QUICK = ['--overrides', yaml.safe_dump(SMALL), '--updates-per-step', '0.2', '--prefill', '20', '--publish-every', '10']


def rows(folder: Path) -> list[tuple[int, int]]:
    """(steps, updates) of progress.csv; the other columns are checked to be numbers."""
    with (folder / 'progress.csv').open(newline='') as file:
        found = list(csv.DictReader(file))
    assert all(np.isfinite([float(row['reward']), float(row['seconds'])]).all() for row in found)
    return [(int(row['steps']), int(row['updates'])) for row in found]


@pytest.fixture
def robot_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """learn_robot.py writes a row every 20 steps."""
    monkeypatch.setattr(robot_report, 'REPORT_EVERY', 20)


@pytest.mark.usefixtures('robot_rows')
def test_a_robot_run_keeps_its_rows_and_its_curve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'new' / 'run'
    learn_robot.learn(learn_robot.parse([*QUICK, '--steps', '50', '--out', str(out)]))
    # From step 8 on, a fifth of an update each; the last row is of what was left.
    assert rows(out) == [(20, 2), (40, 6), (50, 8)]
    assert cv2.imread(str(out / 'learning_curve.png')) is not None
    assert len(capsys.readouterr().out.splitlines()) == 3
    with pytest.raises(ConfigError, match='--out: .*run holds a run already'):
        learn_robot.learn(learn_robot.parse([*QUICK, '--steps', '50', '--out', str(out)]))


@pytest.mark.usefixtures('robot_rows')
def test_a_robot_run_that_is_interrupted_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step, seen = learn_robot.Trial.step, []

    def stopped(trial: learn_robot.Trial, count: int) -> SensedStep:
        if count == 30:
            seen.extend(rows(tmp_path))
            raise KeyboardInterrupt
        return step(trial, count)

    monkeypatch.setattr(learn_robot.Trial, 'step', stopped)
    monkeypatch.setattr(sys, 'argv', ['learn_robot.py', *QUICK, '--out', str(tmp_path)])
    with pytest.raises(SystemExit, match='interrupted'):
        learn_robot.main()
    assert seen == [(20, 2)]
    assert [steps for steps, _ in rows(tmp_path)] == [20, 30]
    assert (tmp_path / 'learning_curve.png').stat().st_size > 5000


def test_a_robot_run_without_a_finite_loss_ends(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    observe = learn_robot.Robot.observe
    monkeypatch.setattr(learn_robot.Robot, 'observe', lambda robot: dataclasses.replace(observe(robot), reward=float('nan')))
    monkeypatch.setattr(sys, 'argv', ['learn_robot.py', *QUICK, '--out', str(tmp_path)])
    with pytest.raises(SystemExit, match=r'error: 10 updates in a row .* reward of step \d+ of stream \d+ is NaN') as ended:
        learn_robot.main()
    assert isinstance(ended.value.code, str)  # exit code 1
    assert '(10 left out)' in capsys.readouterr().out


@pytest.mark.parametrize(('options', 'message'), [
    (['--overrides', '{'], '--overrides: not valid YAML'),
    (['--overrides', 'abc'], '--overrides abc: a mapping'),
    (['--overrides', '[1]'], r'--overrides \[1\]: a mapping'),
    (['--overrides', '{1: 2}'], '--overrides {1: 2}: a mapping'),
    (['--out', __file__], '--out .*test_benchmarks.py: '),
    (['--out', f'{__file__}/run'], '--out .*test_benchmarks.py/run: '),
    (['--robot', 'nope'], "no file 'nope.yaml'; allowed: a1"),
])
def test_a_robot_run_does_not_begin_with_wrong_options(
        options: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'argv', ['learn_robot.py', '--steps', '1', *options])
    monkeypatch.setattr(learn_robot.Trial, 'step', lambda trial, count: pytest.fail('it began'))
    with pytest.raises(SystemExit, match=f'error: .*{message}') as ended:
        learn_robot.main()
    assert '\n' not in str(ended.value.code)


@pytest.mark.parametrize(('program', 'options'), [
    (learn_robot, ['--seed', '-1']), (learn_robot, ['--threads', '0']), (learn_robot, ['--steps', '-5']),
    (learn_robot, ['--updates-per-step', 'nan']), (learn_robot, ['--publish-every', '0']),
    (ablations, ['--seeds', '-1']), (ablations, ['--steps', '999']), (ablations, ['--jobs', '0']),
    (policy_step, ['--rounds', '0']), (policy_step, ['--steps', 'x']), (pipeline, ['lockstep', '--seconds', '-1']),
])
def test_a_number_out_of_range_names_its_option(
        program: SimpleNamespace, options: list[str], monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, 'argv', ['benchmark', *options])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    assert f'argument {options[-2]}: {options[-1]}: a' in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(('options', 'message'), [
    (['--agent', 'nope'], "no file 'nope.yaml'; allowed: daydreamer"),
    (['--size', 'foo'], "unknown size 'foo'; allowed: 100m"),
    (['--agent', 'planet', '--size', 'cpu'], "agent 'planet' cannot be exported"),
    (['--task', 'nope', '--size', 'cpu'], "no file 'nope.yaml'; .*allowed: "),
])
def test_policies_that_cannot_be_timed_are_named(options: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'argv', ['policy_step.py', *options])
    with pytest.raises(SystemExit, match=f'error: .*{message}'):
        policy_step.main()


def test_an_ablation_without_a_finite_loss_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TrainingFailed('ten in a row')

    monkeypatch.setattr(sys, 'argv', ['ablations.py'])
    monkeypatch.setattr(ablations, 'ProcessPoolExecutor', fail)
    with pytest.raises(SystemExit, match='error: ten in a row'):
        ablations.main()


def launched(script: str, log: Path, monkeypatch: pytest.MonkeyPatch) -> pipeline.Launched:
    """A shell script in place of the whole system."""
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, 'Popen', lambda command, **options: popen(['sh', '-c', script], **options))
    return pipeline.Launched([], log)


def test_a_system_that_ends_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executor, begin = SimpleNamespace(spin_once=lambda timeout_sec: time.sleep(0.01)), time.monotonic()
    with (pytest.raises(pipeline.Failure, match=r'(?s)has ended, exit code 3; .*no agent foo'),
          launched('echo no agent foo; exit 3', tmp_path / 'launch.log', monkeypatch) as system):
        pipeline.spin(executor, system, lambda: False, 100)
    assert time.monotonic() - begin < 20


def test_a_system_of_which_nothing_comes_shows_its_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executor, log = SimpleNamespace(spin_once=lambda timeout_sec: time.sleep(0.01)), tmp_path / 'launch.log'
    with launched('echo waiting; exec sleep 60', log, monkeypatch) as system:
        pipeline.spin(executor, system, lambda: 'waiting' in log.read_text(), 60)
        with pytest.raises(pipeline.Failure, match=r'(?s)nothing measured within 0 s; .*waiting'):
            pipeline.spin(executor, system, lambda: False, 0.2)


def test_a_standstill_is_seen_by_who_goes_before_all(tmp_path: Path) -> None:
    with standstill.Standstill(tmp_path) as still:
        watcher, output = still._watchers[0], still._files[0]
        if output.read_text().startswith(standstill.READY):
            os.kill(watcher.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, watcher.pid, os.WSTOPPED)
            begin = time.monotonic()
            time.sleep(0.1)  # what is to be seen
            end = time.monotonic()
            os.kill(watcher.pid, signal.SIGCONT)
            # Times are rounded to 0.1 ms.
            wait_for(lambda: any(float(line.split()[1]) > end - 0.001 for line in output.read_text().splitlines()[1:]),
                     'the watcher')
    if still.fault:
        assert (still.fault, still.intervals) == ('Operation not permitted', [])
    else:
        assert standstill.longest_overlap((begin, end), still.intervals) > 0.09


def test_the_longest_overlap_is_that_of_one_interval() -> None:
    others = [(0.0, 1.0), (1.5, 1.75), (4.0, 6.0)]
    assert standstill.longest_overlap((0.5, 2.0), others) == 0.5
    assert standstill.longest_overlap((2.0, 3.0), others) == 0.0
    assert standstill.longest_overlap((2.0, 3.0), []) == 0.0


def test_options_are_mappings_and_numbers() -> None:
    assert common.mapping('--overrides', '') == {}
    assert common.mapping('--overrides', '{a: {b: 1}}') == {'a': {'b': 1}}
    assert common.number(0, 5)('5') == 5
    assert common.number(0.0)('1e3') == 1000.0
    for text in ('inf', 'nan', '', '-0.1'):
        with pytest.raises(argparse.ArgumentTypeError, match='a number, at least 0'):
            common.number(0.0)(text)
    with pytest.raises(argparse.ArgumentTypeError, match='an integer, from 0 to 5'):
        common.number(0, 5)('1' + '0' * 400)


def test_own_lines_are_what_no_other_agent_runs() -> None:
    task = next(own_lines.tasks())
    reached = {}
    for name in ('planet', 'dreamer_v1'):
        with own_lines.Reached() as seen:
            own_lines.exercise(name, task)
        reached[name] = seen.lines
    own = {name: {Path(file).name for file, _ in lines} for name, lines in own_lines.own_lines(reached).items()}
    assert 'planning.py' in own['planet'] - own['dreamer_v1']
    assert 'value_gradient.py' in own['dreamer_v1'] - own['planet']
    assert not {'replay.py', 'optim.py'} & (own['planet'] | own['dreamer_v1'])


def test_a_function_that_one_alone_calls_counts_as_a_whole() -> None:
    def either(first: bool) -> int:
        if first:
            return 1
        return 2

    def alone(first: bool) -> int:
        return 3 if first else 4

    begin, lone = either.__code__.co_firstlineno, alone.__code__.co_firstlineno
    one = {(either.__code__, begin + 1), (either.__code__, begin + 2), (alone.__code__, lone + 1)}
    two = {(either.__code__, begin + 1), (either.__code__, begin + 3)}
    own = own_lines.own_lines({'one': one, 'two': two})
    assert own == {'one': {(__file__, begin + 2), (__file__, lone), (__file__, lone + 1)}, 'two': {(__file__, begin + 3)}}
