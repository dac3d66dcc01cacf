"""Whole systems, launched in this process and watched over their topics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import launch_pytest
import numpy as np
import pytest
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import ExecuteLocal, GroupAction, IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessStart
from launch.launch_context import LaunchContext
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_pytest.tools import process
from listener import Listener

from dreamer_recorder.reader import read_steps

NODES = {'sensing', 'driver', 'actor', 'recorder', 'robot_state_publisher', 'learner', 'mujoco_bridge', 'console'}
FAMILY = ('planet', 'dreamer_v1', 'dreamer_v2', 'daydreamer')
# Steps in a batch of the agents used here: training starts with one batch in memory.
BATCH = {'quick': 128, **dict.fromkeys(('dreamer_v3', *FAMILY), 512)}
RATIO = 16

Processes = dict[str, list[ExecuteLocal]]


def robot(**arguments: object) -> GroupAction:
    """robot.launch.py with these arguments and no others."""
    path = Path(get_package_share_directory('dreamer_bringup')) / 'launch' / 'robot.launch.py'
    values = {name: str(value) for name, value in arguments.items()}
    return GroupAction([IncludeLaunchDescription(PythonLaunchDescriptionSource(str(path)), launch_arguments=values.items())])


@pytest.fixture
def processes() -> Processes:
    """Name of a node -> its processes, as they start."""
    return {}


def collect(processes: Processes) -> RegisterEventHandler:
    def note(event: object, context: LaunchContext) -> None:
        action = event.action  # type: ignore[attr-defined]
        started = processes.setdefault(event.process_name.rpartition('-')[0], [])  # type: ignore[attr-defined]
        if action not in started:
            started.append(action)
    return RegisterEventHandler(OnProcessStart(on_start=note))


def assert_ended_well(processes: Processes) -> None:
    codes = [(name, action.return_code) for name, actions in processes.items() for action in actions]
    failed = [(name, code) for name, code in codes if code != 0]
    assert not failed


@launch_pytest.fixture(
    params=[('a1_walk_camera', 'quick'), *(('a1_walk', agent) for agent in ('dreamer_v3', *FAMILY))],
    ids=['camera', 'dreamer_v3', *FAMILY])
def learning(request: pytest.FixtureRequest, processes: Processes, tmp_path: Path, own_config: Path) -> LaunchDescription:
    task, agent = request.param
    return LaunchDescription([collect(processes), robot(
        run_dir=tmp_path / 'run', config_dir=own_config, task=task, agent=agent, size='cpu', train_ratio=RATIO, prefill=0,
        real_time_factor=0.0, seed=1)])


@pytest.mark.launch(fixture=learning)
def test_learns_in_lockstep(
        processes: Processes, listen: Callable[..., Listener], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    listener = listen()
    listener.until(lambda: listener.updates >= 2 and listener.acting > 0, 400, 'two updates, and actions by learned weights')
    assert processes.keys() == NODES
    batch = BATCH[request.node.callspec.params['learning'][1]]
    assert listener.updates <= 1 + (listener.env_steps - batch) * RATIO / batch
    yield
    assert_ended_well(processes)
    assert list((tmp_path / 'run' / 'checkpoints').glob('*.safetensors'))
    steps = list(read_steps(tmp_path / 'run' / 'bags'))
    # A recorder that comes late gets the last 50.
    assert [step.step for step in steps] == list(range(steps[0].step, steps[0].step + len(steps)))
    images = [step.tensors['image'] for step in steps if 'image' in step.tensors]
    if 'camera' in request.node.callspec.id:
        assert len(images) == len(steps)
        assert {image.shape for image in images} == {(1, 64, 64, 3)}
        # The camera moves with the head.
        assert np.std(np.array(images[:200], np.float32), axis=0).mean() > 1
    else:
        assert not images


@launch_pytest.fixture
def two_robots(processes: Processes, tmp_path: Path) -> LaunchDescription:
    return LaunchDescription([collect(processes), *(
        robot(namespace=name, run_dir=tmp_path / name, learner='false', lockstep='true') for name in ('left', 'right'))])


@pytest.mark.launch(fixture=two_robots)
def test_two_robots_have_a_clock_and_frames_each(
        processes: Processes, listen: Callable[..., Listener], tmp_path: Path) -> Iterator[None]:
    left, right = listen('left'), listen('right')
    for listener in (left, right):
        listener.until(lambda listener=listener: listener.actions > 40, 180, 'actions')
        listener.until(lambda listener=listener: listener.time > 2 * 10**9, 180, 'time goes on')
        # One from the bridge, one from robot_state_publisher.
        listener.until(lambda listener=listener: {'trunk', 'FL_calf'} <= {child for _, child in listener.frames}, 180, 'frames')
    assert [left.publishers(name) for name in ('/clock', '/tf', '/tf_static', '/observation')] == [0, 0, 0, 0]
    assert [left.publishers(f'/{name}/clock') for name in ('left', 'right')] == [1, 1]
    yield
    assert_ended_well(processes)
    streams = [{step.stream for step in read_steps(tmp_path / name / 'bags')} for name in ('left', 'right')]
    assert [len(found) for found in streams] == [1, 1]
    assert streams[0] != streams[1]


@launch_pytest.fixture
def acting(processes: Processes, tmp_path: Path) -> LaunchDescription:
    path = tmp_path / 'slippery.yaml'
    path.write_text('mujoco_bridge:\n  ros__parameters:\n    variation: {friction: 0.31, payload: [1.0, 2.0], seed: 5}\n')
    return LaunchDescription([collect(processes), robot(
        run_dir=tmp_path / 'run', learner='false', variation_file=path, duration=4.0, lockstep='true', real_time_factor=1.0)])


@pytest.mark.launch(fixture=acting)
def test_acts_without_a_learner_in_a_varied_world_for_a_while(
        processes: Processes, launch_context: LaunchContext, listen: Callable[..., Listener], tmp_path: Path) -> Iterator[None]:
    listener = listen()
    listener.until(lambda: listener.variation, 180, "the bridge's report")
    assert listener.variation['friction'] == pytest.approx(0.31)
    assert 1.0 < listener.variation['payload'] < 2.0
    assert process.wait_for_exit_sync(launch_context, processes['console'][0], timeout=180)
    yield
    assert processes.keys() == NODES - {'learner'}
    assert_ended_well(processes)
    steps = list(read_steps(tmp_path / 'run' / 'bags'))
    # 20 steps a second; more until the console has drawn its curve and the other nodes have ended.
    assert 70 <= len(steps) < 400
    assert {step.weights_version for step in steps} == {0}
