"""Measure the running pipeline: control steps per second in lockstep, latency and deadline misses in real time.

    ./run python benchmarks/pipeline.py lockstep                 # random policy, all nodes, no training
    ./run python benchmarks/pipeline.py latency --seconds 600    # real time at 20 Hz while the learner trains
    ./run python benchmarks/pipeline.py latency --seconds 600 --rate 50
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import rclpy
import yaml
from ament_index_python.packages import get_package_share_directory
from common import number, tail
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from standstill import LATE, Interval, Standstill, longest_overlap

from dreamer_interfaces.msg import Action, Metrics, Observation
from dreamer_node import realtime
from dreamer_node.qos import STANDARD, STEPS

STAMP = slice(4, 12)
"""Where the stamp stands in a serialised message with a header: behind the CDR header."""

WATCHING = 10
"""SCHED_FIFO priority of this process: behind the nodes that it looks at."""

SETTLING = 1.0
"""s until what starting the measurement held up is over."""


class Failure(Exception):
    """Nothing more can be measured. The message says why."""


class Watcher(Node):
    """Keeps the metrics of actor and learner, and sees observations and actions arrive, as any third process does.

    Args:
        steps: whether to listen to observations and actions. In lockstep that would slow down what is measured.
    """

    def __init__(self, steps: bool) -> None:
        super().__init__('pipeline_benchmark')
        self.steps = steps
        self.seen: list[tuple[float, float]] = []  # s of wall time, s of robot time
        self.answers: list[Interval] = []  # s of wall time, from an observation to the action of the same stamp
        self.lateness: list[float] = []  # ms of wall time between two actions
        self._open: dict[bytes, float] = {}
        self._last_action = 0.0
        self.actor: list[dict[str, float]] = []
        self.learner: list[dict[str, float]] = []
        if steps:
            # Raw: a benchmark that reads every message in full slows down what it measures.
            self.create_subscription(Observation, 'observation', self._observed, STEPS, raw=True)
            self.create_subscription(Action, 'action', self._acted, STEPS, raw=True)
        self.create_subscription(Metrics, 'actor/metrics', lambda m: self._add(self.actor, m), STANDARD)
        self.create_subscription(Metrics, 'learner/metrics', lambda m: self._add(self.learner, m), STANDARD)

    def clear(self) -> None:
        """Forget what was seen until now."""
        self._last_action = 0.0
        self._open.clear()
        for rows in (self.seen, self.actor, self.learner, self.answers, self.lateness):
            rows.clear()

    def _observed(self, data: bytes) -> None:
        now = time.monotonic()
        seconds, nanoseconds = struct.unpack_from('<iI', data, STAMP.start)
        self.seen.append((now, seconds + nanoseconds * 1e-9))
        self._open[data[STAMP]] = now

    def _acted(self, data: bytes) -> None:
        now = time.monotonic()
        # None: the action overtook its observation on the way here, so it took less than this process can tell.
        begin = self._open.pop(data[STAMP], None)
        self.answers.append((now if begin is None else begin, now))
        if self._last_action:
            self.lateness.append((now - self._last_action) * 1e3)
        self._last_action = now

    def _add(self, rows: list[dict[str, float]], message: Metrics) -> None:
        rows.append({**dict(zip(message.name, message.value)), 'updates': float(message.updates), 'wall': time.monotonic()})


def config_at_rate(rate: float, folder: Path) -> Path:
    """A copy of the shipped configuration with the task at another control rate."""
    share = Path(get_package_share_directory('dreamer_bringup'))
    for part in ('config', 'urdf'):
        shutil.copytree(share / part, folder / part, copy_function=shutil.copy)
    task = folder / 'config' / 'tasks' / 'a1_walk.yaml'
    content = yaml.safe_load(task.read_text())
    content['control_rate'] = rate
    task.write_text(yaml.safe_dump(content))
    return folder / 'config'


class Launched:
    """`ros2 launch dreamer_bringup robot.launch.py ...`, its output in a log, until the end of the with block."""

    def __init__(self, options: Sequence[str], log: Path) -> None:
        self._log = log
        # A session of its own: Ctrl-C is for this process, which ends the system when it has reported.
        with log.open('w') as output:
            self._process = subprocess.Popen(
                ['ros2', 'launch', 'dreamer_bringup', 'robot.launch.py', *options], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True)

    def __enter__(self) -> Launched:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended, and all that it started
            os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait(60)

    def check(self) -> None:
        """
        Raises:
            Failure: the system has ended.
        """
        code = self._process.poll()
        if code is not None:
            raise self.failure(f'the system has ended, exit code {code}')

    def failure(self, what: str) -> Failure:
        """With the end of the log, which is deleted with the folder that it is in."""
        return Failure(f'{what}; the end of its output:\n{tail(self._log)}')


def measure(arguments: argparse.Namespace, folder: Path) -> None:
    config = config_at_rate(arguments.rate, folder)
    options: dict[str, object] = {'run_dir': folder / 'run', 'config_dir': config}
    if arguments.mode == 'lockstep':
        options.update(real_time_factor=0.0, learner='false')
    watcher = Watcher(steps=arguments.mode == 'latency')
    executor = SingleThreadedExecutor()
    executor.add_node(watcher)
    ready = (lambda: bool(watcher.actor) and watcher.actor[-1]['answers'] > 200) if arguments.mode == 'lockstep' else (
        lambda: bool(watcher.learner) and watcher.learner[-1]['updates'] > 20)
    launch = [*(f'{key}:={value}' for key, value in options.items()), *arguments.launch]
    with Launched(launch, folder / 'launch.log') as system:
        spin(executor, system, ready, 180)
        standstill = Standstill(folder)
        try:
            # Not in lockstep, which needs all of each core.
            with standstill if watcher.steps else contextlib.nullcontext(), contextlib.suppress(KeyboardInterrupt):
                if watcher.steps:
                    # Else what this process waits for its turn would count as lateness. Not before all others run: they
                    # would inherit it, and the imports of a new process then hold up every ordinary one.
                    realtime.take(WATCHING)
                spin_for(executor, system, SETTLING)
                watcher.clear()
                spin_for(executor, system, arguments.seconds)
        finally:  # what was measured until then is reported
            steps = arguments.mode == 'lockstep' or (len(watcher.seen) > 1 and len(watcher.lateness) > 0)
            measured = steps and len(watcher.actor) > 1
            if measured:
                report(arguments, watcher, standstill)
        if not measured:
            raise system.failure(f'nothing measured in {arguments.seconds:g} s')


def spin_for(executor: SingleThreadedExecutor, system: Launched, seconds: float) -> None:
    """
    Raises:
        Failure: the system has ended.
    """
    end = time.monotonic() + seconds
    spin(executor, system, lambda: time.monotonic() > end, seconds + 10)


def spin(executor: SingleThreadedExecutor, system: Launched, done: Callable[[], bool], seconds: float) -> None:
    """
    Raises:
        Failure: the system has ended, or the time is over.
    """
    deadline = time.monotonic() + seconds
    while not done():
        system.check()
        if time.monotonic() > deadline:
            raise system.failure(f'nothing measured within {seconds:.0f} s')
        executor.spin_once(timeout_sec=0.2)


def report(arguments: argparse.Namespace, watcher: Watcher, standstill: Standstill) -> None:
    if arguments.mode == 'lockstep':
        first, last = watcher.actor[0], watcher.actor[-1]
        count, wall = last['answers'] - first['answers'], last['wall'] - first['wall']
        rate = count / wall
        print(f'lockstep: {count:.0f} control steps in {wall:.1f} s = {rate:.1f} steps/s, {rate / arguments.rate:.1f}x real time')
    else:
        report_latency(arguments, watcher, standstill)
    if watcher.actor:
        last = watcher.actor[-1]
        print('  actor, callback to publish: ' + ', '.join(f'{k} {last[k]:.2f}' for k in last if k.startswith('latency_'))
              + f', deadline misses {last.get("deadline_misses", 0) - watcher.actor[0].get("deadline_misses", 0):.0f}')
    if watcher.learner:
        rates = [row['updates_per_second'] for row in watcher.learner if 'updates_per_second' in row]
        print(f'  learner: {np.median(rates):.2f} updates/s')


def report_latency(arguments: argparse.Namespace, watcher: Watcher, standstill: Standstill) -> None:
    wall, robot = (last - first for first, last in zip(watcher.seen[0], watcher.seen[-1]))
    count = len(watcher.seen) - 1
    print(f'latency: {count} control steps in {wall:.1f} s = {count / wall:.1f} steps/s, {robot / wall:.1f}x real time')
    latency, period = np.diff(watcher.answers)[:, 0] * 1e3, 1e3 / arguments.rate
    print(f'  observation to action, seen from a third process: p50 {np.median(latency):.2f} ms, '
          f'p99 {np.percentile(latency, 99):.2f} ms, max {latency.max():.2f} ms over {len(latency)} actions')
    late = [answer for answer, value in zip(watcher.answers, latency) if value > period]
    print(f'  answers later than the period of {period:g} ms: {len(late)}; observations without an action: '
          f'{len(watcher.seen) - len(latency)}; longest pause between two actions {max(watcher.lateness):.1f} ms')
    if standstill.fault:
        print(f'  whether the machine itself stood still is not known: no real-time priority ({standstill.fault})')
        return
    # In time, had the longest standstill of a core not been.
    excused = sum(end - begin - longest_overlap((begin, end), standstill.intervals) <= period / 1e3 for begin, end in late)
    pauses = [(end - begin) * 1e3 for begin, end in standstill.intervals]
    print(f'  a core stood still for more than {LATE * 1e3:g} ms, whatever its priorities: {len(pauses)} times, longest '
          f'{max(pauses, default=0.0):.1f} ms; late answers that would have been in time without: {excused}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('mode', choices=['lockstep', 'latency'])
    parser.add_argument('--seconds', type=number(1.0), default=30.0)
    parser.add_argument('--rate', type=float, default=20.0, help='control rate, Hz')
    parser.add_argument('launch', nargs='*', help='further launch arguments, for example run_dir:=runs/hour')
    arguments = parser.parse_intermixed_args()
    # A domain of its own: another system on this machine does not mix in.
    os.environ['ROS_DOMAIN_ID'] = str(os.getpid() % 100 + 1)
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        with tempfile.TemporaryDirectory() as folder:
            measure(arguments, Path(folder))
    except Failure as failure:
        raise SystemExit(f'error: {failure}') from None
    except KeyboardInterrupt:
        raise SystemExit('interrupted') from None
    rclpy.shutdown()


if __name__ == '__main__':
    main()
