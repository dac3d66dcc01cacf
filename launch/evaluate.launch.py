"""What a learned policy earns: the newest checkpoint of a run acts, nothing learns; mean, deviation and episodes at the end."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace

SHARE = Path(get_package_share_directory('dreamer_bringup'))
# The same robot as it learned with; these may differ.
PASSED_ON = ('runtime', 'seed', 'real_time_factor', 'sim', 'camera', 'variation_file', 'command_rate', 'realtime_priority',
             'velocity_source', 'rviz', 'namespace', 'log_level', 'config_dir')


def arguments() -> list[DeclareLaunchArgument]:
    """The launch arguments with their descriptions, as --show-args prints them."""
    def argument(name: str, default: str | None, description: str, choices: list[str] | None = None) -> DeclareLaunchArgument:
        return DeclareLaunchArgument(name, default_value=default, description=description, choices=choices)

    return [
        argument('run_dir', None, 'run whose newest checkpoint is evaluated; agent, size, task and robot are those of the run'),
        argument('episodes', '10', 'whole episodes to count'),
        argument('mode', 'eval', 'eval = the most likely actions, train = sampled ones, as while learning', ['train', 'eval']),
        argument('runtime', 'torch', 'what runs the policy: torch, or onnx with policy_file', ['torch', 'onnx']),
        argument('policy_file', '', 'file for runtime:=onnx; empty = policy.onnx in run_dir, where ros2 run dreamer_learner '
                 'export writes it'),
        argument('seed', '0', 'seed of simulation and of sampled actions'),
        argument('real_time_factor', '0.0', 'pace of the simulation: 1.0 = the clock, 0.0 = as fast as the nodes answer'),
        argument('sim', 'true', 'simulate the robot in MuJoCo; false = a robot publishes the sensor topics, and sensing '
                 'publishes odom and the tf odom -> base', ['true', 'false']),
        argument('camera', 'auto', 'render the camera; auto = when something subscribes to it', ['auto', 'on', 'off']),
        argument('variation_file', '', 'parameter file for mujoco_bridge with variation.* (friction, payload, ...)'),
        argument('command_rate', '0', 'set-points a second from the driver to the robot; 0 = one command an action, all that '
                 'lockstep has'),
        argument('realtime_priority', 'auto', 'SCHED_FIFO priority of the actor, where the system permits it, 1 to 98; that of '
                 'sensing is one, that of the driver two and in lockstep that of the simulation three higher; 0 = none; '
                 'auto = that of robot.launch.py'),
        argument('velocity_source', 'estimate', 'base velocity in the reward', ['estimate', 'ground_truth']),
        argument('rviz', 'false', 'open rviz2, where it is installed, with the shipped view', ['true', 'false']),
        argument('namespace', '', 'namespace of all topics; one for each robot'),
        argument('log_level', 'info', 'least severe message shown', ['debug', 'info', 'warn', 'error', 'fatal']),
        argument('config_dir', str(SHARE / 'config'), 'folder with robots/, tasks/ and agents/; urdf/ lies beside it'),
    ]


def run_names(run_dir: Path) -> dict[str, str]:
    """Agent, size, blocks, task and robot of a run."""
    from dreamer_learning.config import load_yaml

    path = run_dir / 'run.yaml'
    if not path.is_file():
        raise RuntimeError(f"launch argument run_dir: '{run_dir}' is not the folder of a run: it has no run.yaml")
    content = load_yaml(path)
    names = ('agent', 'size', 'task', 'robot')
    missing = [name for name in names if not isinstance(content.get(name), str)]
    if missing:
        raise RuntimeError(f"{path}: key '{missing[0]}' is missing")
    return {name: content[name] for name in names} | {'blocks': str(content.get('blocks', ''))}


def evaluation(context: LaunchContext) -> list:
    """The robot without a learner, and the evaluator in its place."""
    run_dir = Path(LaunchConfiguration('run_dir').perform(context)).expanduser().absolute()
    names = run_names(run_dir)
    text = LaunchConfiguration('episodes').perform(context)
    if not text.isdecimal() or int(text) < 1:
        raise RuntimeError(f"launch argument episodes: '{text}' is not allowed; allowed: int of at least 1")
    runtime, path = (LaunchConfiguration(name).perform(context) for name in ('runtime', 'policy_file'))
    path = str(Path(path).expanduser().absolute()) if path else str(run_dir / 'policy.onnx') if runtime == 'onnx' else ''
    folder = run_dir / 'evaluations' / datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
    passed = {name: LaunchConfiguration(name) for name in (*PASSED_ON, 'mode')}
    # Closed off: the arguments of both files have the same names.
    robot = GroupAction([IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(SHARE / 'launch' / 'robot.launch.py')),
        launch_arguments={**passed, **names, 'run_dir': str(folder), 'learner': 'false', 'prefill': '0',
                          'policy_file': path}.items())])
    evaluator = Node(
        package='dreamer_learner', executable='evaluator', name='evaluator', output='screen', emulate_tty=True,
        arguments=['--ros-args', '--log-level', LaunchConfiguration('log_level')],
        parameters=[{
            **names, 'config_dir': LaunchConfiguration('config_dir'), 'run_dir': str(run_dir), 'episodes': int(text),
            'result': str(folder / 'evaluation.yaml'), 'policy_file': path,
        }])
    own = GroupAction([PushRosNamespace(LaunchConfiguration('namespace')), evaluator])
    return [robot, RegisterEventHandler(OnProcessExit(target_action=evaluator, on_exit=on_exit)), own]


def on_exit(event: Any, context: LaunchContext) -> list:
    """The evaluation is complete, or cannot begin."""
    if event.returncode != 0 and not context.is_shutdown:
        # An error, not a Shutdown event: with that, ros2 launch would end with exit code 0.
        raise RuntimeError(f'{event.process_name} failed; its error is above')
    return [EmitEvent(event=Shutdown(reason='the evaluation is complete'))]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*arguments(), OpaqueFunction(function=evaluation)])
