"""kill -9 of each node during training: the robot is safe, the node comes back, nothing recorded is lost."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from conftest import System
from listener import Listener

from dreamer_interfaces.msg import JointCommand
from dreamer_node.testing import wait_for
from dreamer_recorder.reader import read_steps

NODES = ('actor', 'sensing', 'learner', 'recorder', 'driver', 'mujoco_bridge', 'console', 'robot_state_publisher')


def test_every_node_may_be_killed(
        start: Callable[..., System], listen: Callable[..., Listener], own_config: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / 'run'
    system = start(run_dir=run_dir, config_dir=own_config, agent='quick', real_time_factor=1.0, seed=1)
    listener = listen()
    listener.until(lambda: listener.updates > 0, 300, 'the first updates')
    for name in NODES:
        recorded = sum(1 for _ in read_steps(run_dir / 'bags'))
        if name == 'learner':
            assert_goes_on_from_its_checkpoint(system, listener)
        else:
            listener.commands.clear()
            kill(system, name, listener)
        if name == 'actor':
            assert_holds_then_damps(listener)
        actions, updates = listener.actions, listener.updates
        listener.until(lambda actions=actions: listener.actions > actions + 20, 180, f'actions after {name}')
        listener.until(lambda updates=updates: listener.updates > updates, 180, f'training goes on after {name}')
        wait_for(lambda recorded=recorded: sum(1 for _ in read_steps(run_dir / 'bags')) > recorded,
                 f'recording goes on after {name}, and no step is lost', 180)
    system.interrupt()
    assert system.wait(180) == 0, system.output
    assert_no_joined_gap(run_dir)


def kill(system: System, name: str, listener: Listener) -> None:
    """kill -9, and listen until another process takes its place."""
    pid = system.pid_of(name)
    assert pid, f'{name} is not running:\n{system.output}'
    os.kill(pid, signal.SIGKILL)
    newest, due = pid, 0.0

    def replaced() -> bool:
        nonlocal newest, due
        # To look for it takes a while, in which nothing is listened to.
        if time.monotonic() >= due:
            newest = system.pid_of(name)
            due = time.monotonic() + 0.2
        return newest not in (0, pid)

    listener.until(replaced, 90, f'{name} comes back')


def assert_holds_then_damps(listener: Listener) -> None:
    """Commands while the actor is away: the last angles with gains, then none; afterwards the actor's again."""
    listener.until(lambda: JointCommand.DAMP in [mode for mode, _ in listener.commands], 90, 'the driver damps')
    listener.until(lambda: listener.commands[-1][0] == JointCommand.ACTIVE, 90, 'the actor commands again')
    modes = [mode for mode, _ in listener.commands]
    assert JointCommand.HOLD in modes[:modes.index(JointCommand.DAMP)]
    assert all(kp > 0 for mode, kp in listener.commands if mode == JointCommand.HOLD)
    assert all(kp == 0 for mode, kp in listener.commands if mode == JointCommand.DAMP)


def assert_goes_on_from_its_checkpoint(system: System, listener: Listener) -> None:
    env_steps, killed = listener.env_steps, max(listener.learners)
    path = listener.save_checkpoint()
    saved = int(path.stem.rpartition('-')[2])
    assert saved > 0
    kill(system, 'learner', listener)
    listener.until(lambda: max(listener.learners) > killed, 180, 'the next learner publishes')
    assert listener.learners[max(listener.learners)] >= (saved, env_steps)
    # Perhaps from the one that was due by time just before the kill.
    resumed = re.findall(r'resumed from .*checkpoint-(\d+)\.safetensors', system.output)
    assert resumed
    assert int(resumed[-1]) >= saved


def assert_no_joined_gap(run_dir: Path) -> None:
    """Within a stream, steps only rise; every new stream begins an episode."""
    last: dict[int, int] = {}
    for step in read_steps(run_dir / 'bags'):
        if step.stream not in last:
            assert step.step > 0 or step.is_first.all()
        else:
            assert step.step > last[step.stream]
        last[step.stream] = step.step
