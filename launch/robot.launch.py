"""A robot learns a task from a world model, live: simulation or hardware, sensing, actor, driver, learner, recorder, console."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    GroupAction,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterValue

SHARE = Path(get_package_share_directory('dreamer_bringup'))
# A node that ends with this code was given something it cannot work with; starting it again would not help.
USER_ERROR = 2
# Control nodes wait without spinning: a core that spins is missing to the learner.
QUIET = {'OMP_NUM_THREADS': '1', 'OMP_WAIT_POLICY': 'passive'}


def names(folder: str) -> list[str]:
    return sorted(path.stem for path in (SHARE / 'config' / folder).glob('*.yaml'))


def arguments() -> list[DeclareLaunchArgument]:
    """The launch arguments with their descriptions, as --show-args prints them."""
    def argument(name: str, default: str, description: str, choices: list[str] | None = None) -> DeclareLaunchArgument:
        return DeclareLaunchArgument(name, default_value=default, description=description, choices=choices)

    switch = ['true', 'false']
    return [
        argument('robot', 'a1', 'robot, a file of config/robots', names('robots')),
        argument('task', 'a1_walk', 'what it learns, a file of config/tasks', names('tasks')),
        argument('agent', 'dreamer_v3', 'learning algorithm, a file of config/agents', names('agents')),
        argument('size', 'cpu', 'size of the networks, a block of the agent file: cpu, 1m, 12m, 25m, 50m, ... 400m'),
        argument('run_dir', '', 'where the run is kept; an existing one is resumed. Empty: runs/<task>-<agent>-<time>'),
        argument('seed', '0', 'seed of simulation, exploration and learning'),
        argument('duration', '0', 'seconds of robot time after which the run ends; 0 = until Ctrl-C'),
        argument('steps', '0', 'control steps after which the run ends; 0 = until Ctrl-C'),
        argument('real_time_factor', '1.0', 'pace of the simulation: 1.0 = the clock, 0.0 = as fast as the nodes answer'),
        argument('lockstep', 'auto', 'the simulation waits for every action; auto = when real_time_factor is 0',
                 ['auto', *switch]),
        argument('train_ratio', '0', 'replayed steps per control step; 0 = train continuously'),
        argument('prefill', '2000', 'control steps of random exploration; 0 = until the first weights arrive'),
        argument('learner', 'true', 'train; false = only act, with the weights that another learner publishes', switch),
        argument('camera', 'auto', 'render the camera; auto = when something subscribes to it', ['auto', 'on', 'off']),
        argument('variation_file', '', 'parameter file for mujoco_bridge with variation.* (friction, payload, ...)'),
        argument('sim', 'true', 'simulate the robot in MuJoCo; false = a robot publishes the sensor topics', switch),
        argument('velocity_source', 'estimate', 'base velocity in the reward', ['estimate', 'ground_truth']),
        argument('rviz', 'false', 'open rviz2 with the shipped view', switch),
        argument('namespace', '', 'namespace of all topics; one for each robot'),
        argument('device', 'cpu', 'where the learner computes: cpu or cuda'),
        argument('log_level', 'info', 'least severe message shown', ['debug', 'info', 'warn', 'error', 'fatal']),
        argument('config_dir', str(SHARE / 'config'), 'folder with robots/, tasks/ and agents/'),
    ]


def run_directory(value: str, task: str, agent: str) -> Path:
    """The run directory: the one given, or a new one named by task, agent and time."""
    if value:
        return Path(value).expanduser().absolute()
    stamp = datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
    return Path('runs').absolute() / f'{task}-{agent}-{stamp}'


def number(context: LaunchContext, name: str, kind: type) -> int | float:
    text = LaunchConfiguration(name).perform(context)
    try:
        value = kind(text)
    except ValueError:
        value = -1
    if value < 0:
        raise RuntimeError(f"launch argument {name}: '{text}' is not allowed; allowed: {kind.__name__} of at least 0")
    return value


def robot_nodes(context: LaunchContext) -> list:
    """All nodes, once the arguments are known."""
    text = {name: LaunchConfiguration(name).perform(context) for name in (
        'robot', 'task', 'agent', 'size', 'device', 'namespace', 'log_level', 'config_dir', 'lockstep', 'velocity_source',
        'camera', 'variation_file')}
    sim, learns = (LaunchConfiguration(name).perform(context) == 'true' for name in ('sim', 'learner'))
    seed, steps = number(context, 'seed', int), number(context, 'steps', int)
    factor, ratio = number(context, 'real_time_factor', float), number(context, 'train_ratio', float)
    lockstep = sim and (factor == 0 if text['lockstep'] == 'auto' else text['lockstep'] == 'true')
    if sim and factor == 0 and not lockstep:
        raise RuntimeError('launch argument real_time_factor: 0.0 needs lockstep; allowed: lockstep:=true or auto')
    run_dir = run_directory(LaunchConfiguration('run_dir').perform(context), text['task'], text['agent'])
    shared = {'config_dir': text['config_dir'], 'robot': text['robot'], 'task': text['task'], 'use_sim_time': sim}
    agent = {**shared, 'agent': text['agent'], 'size': text['size'], 'seed': seed}
    kept = {**shared, 'run_dir': str(run_dir)}

    def node(package: str, executable: str, parameters: dict, environment: dict | None = None, files: list[str] | None = None,
             **more: object) -> Node:
        # Two robots in two namespaces have a clock and a tree of frames each.
        own = [(f'/{topic}', topic) for topic in ('clock', 'tf', 'tf_static')] if text['namespace'] else []
        return Node(
            package=package, executable=executable, name=executable, parameters=[parameters, *(files or [])], remappings=own,
            output='screen', emulate_tty=True, respawn=True, respawn_delay=1.0,
            arguments=['--ros-args', '--log-level', text['log_level']],
            additional_env={**QUIET, **(environment or {})}, **more)

    nodes = [
        node('dreamer_sensing', 'sensing', {**shared, 'velocity_source': text['velocity_source']}),
        node('dreamer_drivers', 'driver', shared),
        node('dreamer_actor', 'actor', {**agent, 'prefill': number(context, 'prefill', int)}),
        node('dreamer_recorder', 'recorder', kept),
        description(context, text['config_dir'], text['robot'], node),
    ]
    limit = lockstep and learns and ratio > 0
    if learns:
        nodes.append(node('dreamer_learner', 'learner', {
            **agent, 'run_dir': str(run_dir), 'train_ratio': ratio, 'device': text['device'], 'limit_environment': limit,
        }, learner_environment(), sigterm_timeout='20', sigkill_timeout='20'))
    if sim:
        nodes.append(node('dreamer_mujoco', 'mujoco_bridge', {
            **shared, 'seed': seed, 'real_time_factor': factor, 'lockstep': lockstep, 'wait_for_learner': limit,
            'camera': text['camera']}, files=[text['variation_file']] if text['variation_file'] else []))
    console = node('dreamer_monitor', 'console', {**kept, 'steps': steps, 'duration': number(context, 'duration', float)})
    handlers = [RegisterEventHandler(OnProcessExit(target_action=item, on_exit=on_exit(item is console)))
                for item in [*nodes, console]]
    return [LogInfo(msg=f'run directory: {run_dir}'), *handlers, *nodes, console, rviz(text['namespace'])]


def learner_environment() -> dict[str, str]:
    """Threads for training: all cores but one, which is left to the control loop. Alone on its cores, the learner spins."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    threads = max(1, cores - 1)
    return {'OMP_NUM_THREADS': str(threads), 'OMP_WAIT_POLICY': 'active' if threads > 1 else 'passive'}


def description(context: LaunchContext, config_dir: str, robot: str, node: object) -> Node:
    """robot_state_publisher with the URDF of the robot's configuration."""
    from dreamer_learning.config import load_yaml

    urdf = Path(config_dir).parent / 'urdf' / str(load_yaml(Path(config_dir) / 'robots' / f'{robot}.yaml').get('urdf'))
    if not urdf.is_file():
        raise RuntimeError(f'{config_dir}/robots/{robot}.yaml: urdf: no file {urdf}')
    return node('robot_state_publisher', 'robot_state_publisher', {  # type: ignore[operator]
        'robot_description': ParameterValue(urdf.read_text(encoding='utf-8'), value_type=str),
        'use_sim_time': LaunchConfiguration('sim').perform(context) == 'true'})


def on_exit(finishes: bool) -> object:
    """Ends the launch when a node was misconfigured, or when the console says that the run is complete."""
    def decide(event: object, context: LaunchContext) -> list:
        if event.returncode == USER_ERROR:  # type: ignore[attr-defined]
            return [EmitEvent(event=Shutdown(reason='a node cannot work with what it was given'))]
        if finishes and event.returncode == 0:  # type: ignore[attr-defined]
            return [EmitEvent(event=Shutdown(reason='the run is complete'))]
        return []
    return decide


def rviz(namespace: str) -> Node:
    return Node(
        package='rviz2', executable='rviz2', name='rviz', namespace=namespace or None, output='log',
        arguments=['-d', str(SHARE / 'rviz' / 'robot.rviz')], condition=IfCondition(LaunchConfiguration('rviz')))


def generate_launch_description() -> LaunchDescription:
    profile = os.environ.get('FASTDDS_DEFAULT_PROFILES_FILE') or str(SHARE / 'config' / 'fastdds.xml')
    return LaunchDescription([
        *arguments(),
        # Lines of a node appear when they are written, not when a buffer is full.
        SetEnvironmentVariable('RCUTILS_LOGGING_BUFFERED_STREAM', '0'),
        SetEnvironmentVariable('PYTHONUNBUFFERED', '1'),
        # Camera images fit the shared-memory segment.
        SetEnvironmentVariable('FASTDDS_DEFAULT_PROFILES_FILE', profile),
        GroupAction([PushRosNamespace(LaunchConfiguration('namespace')), OpaqueFunction(function=robot_nodes)]),
    ])
