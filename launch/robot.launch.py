"""A robot learns a task from a world model, live: simulation or hardware, sensing, actor, driver, learner, recorder, console."""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix, get_package_share_directory
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
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.logging import get_logger
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterValue

from dreamer_node import launching
from dreamer_node.start import NOT_MADE

SHARE = Path(get_package_share_directory('dreamer_bringup'))
# Where Fast DDS finds config/fastdds.xml, with which camera images fit the shared memory: Jazzy's looks at the first name, later
# ones at the second.
PROFILE_NAMES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
# A node that ends with this code was given something it cannot work with; starting it again would not help.
USER_ERROR = 2
# So often in a row a node is started that an unexpected exception ends before it runs.
ATTEMPTS = 3
# Control nodes wait without spinning: a core that spins is missing to the learner.
QUIET = {'OMP_NUM_THREADS': '1', 'OMP_WAIT_POLICY': 'passive'}
# For nodes that write files at their end, at a low priority.
PATIENT = {'sigterm_timeout': '20', 'sigkill_timeout': '20'}
# Of the control loop's nodes: before all ordinary processes, behind the kernel's interrupts.
PRIORITY = 20
# Training on more threads makes the small matrices of these models slower.
MOST_THREADS = 4


def shipped(folder: str) -> str:
    return ', '.join(sorted(path.stem for path in (SHARE / 'config' / folder).glob('*.yaml')))


def arguments() -> list[DeclareLaunchArgument]:
    """The launch arguments with their descriptions, as --show-args prints them."""
    def argument(name: str, default: str, description: str, choices: list[str] | None = None) -> DeclareLaunchArgument:
        return DeclareLaunchArgument(name, default_value=default, description=description, choices=choices)

    switch = ['true', 'false']
    return [
        argument('robot', 'a1', f'robot, a file of robots/ in config_dir; shipped: {shipped("robots")}'),
        argument('task', 'a1_walk', f'what it learns, a file of tasks/ in config_dir; shipped: {shipped("tasks")}'),
        argument('agent', 'dreamer_v3', f'learning algorithm, a file of agents/ in config_dir; shipped: {shipped("agents")}'),
        argument('size', 'cpu', 'size of the networks, a block of the agent file: cpu; of dreamer_v3 1m, 12m, ... 400m; of the '
                 'others paper'),
        argument('blocks', '', 'named blocks of the agent file that stack on the size, separated by commas; of dreamer_v3 '
                 'paper_unimix, of dreamer_v2 atari, gaussian_latents and more'),
        argument('run_dir', '', 'where the run is kept; an existing one is resumed. Empty: runs/<task>-<agent>-<time>'),
        argument('from_checkpoint', '', 'run directory or checkpoint whose weights a new run begins with, as far as they fit; '
                 'where the policy fits as a whole, prefill:=0 lets it act at once'),
        argument('seed', '0', 'seed of simulation, exploration and learning'),
        argument('duration', '0', 'seconds of robot time after which the run ends; 0 = until Ctrl-C'),
        argument('steps', '0', 'control steps after which the run ends; 0 = until Ctrl-C'),
        argument('real_time_factor', '1.0', 'pace of the simulation: 1.0 = the clock, 0.0 = as fast as the nodes answer'),
        argument('lockstep', 'auto', 'the simulation waits for every action; auto = when real_time_factor is 0',
                 ['auto', *switch]),
        argument('train_ratio', '0', 'replayed steps per control step; 0 = train continuously'),
        argument('prefill', '2000', 'control steps of random exploration; 0 = until the first weights arrive'),
        argument('learner', 'true', 'train; false = only act, with the weights that another learner publishes', switch),
        argument('runtime', 'torch', 'what runs the policy: torch; onnx = onnxruntime, with the finished policy of policy_file, '
                 'where nothing learns (learner:=false)', ['torch', 'onnx']),
        argument('policy_file', '', 'file for runtime:=onnx, which ros2 run dreamer_learner export writes from a run'),
        argument('mode', 'train', 'how the actor acts: train = sampled actions, eval = the most likely ones', ['train', 'eval']),
        argument('camera', 'auto', 'render the camera; auto = when something subscribes to it', ['auto', 'on', 'off']),
        argument('variation_file', '', 'parameter file for mujoco_bridge with variation.* (friction, payload, ...)'),
        argument('sim', 'true', 'simulate the robot in MuJoCo; false = a robot publishes the sensor topics, and sensing '
                 'publishes odom and the tf odom -> base', switch),
        argument('command_rate', '0', 'set-points a second from the driver to the robot, at least the control rate, with which '
                 'it keeps max_torque; 0 = one command an action, all that lockstep has'),
        argument('realtime_priority', 'auto', 'SCHED_FIFO priority of the actor, where the system permits it, 1 to 98; that of '
                 'sensing is one, that of the driver two and in lockstep that of the simulation three higher; 0 = none; '
                 f'auto = {PRIORITY}, and 0 in lockstep beside a learner or on a single core'),
        argument('velocity_source', 'estimate', 'base velocity in the reward', ['estimate', 'ground_truth']),
        argument('rviz', 'false', 'open rviz2, where it is installed, with the shipped view', switch),
        argument('namespace', '', 'namespace of all topics but /diagnostics; one for each robot'),
        argument('device', 'cpu', 'where the learner computes: cpu or cuda'),
        argument('compile', 'false', 'compile what updates do: faster after a first one that takes about a minute', switch),
        argument('precision', 'float32', 'of matrix products and convolutions in updates; bfloat16 is faster for sizes above cpu '
                 'and with compile, where the processor has it', ['float32', 'bfloat16']),
        argument('log_level', 'info', 'least severe message shown', ['debug', 'info', 'warn', 'error', 'fatal']),
        argument('config_dir', str(SHARE / 'config'), 'folder with robots/, tasks/ and agents/; urdf/ lies beside it'),
    ]


def run_directory(value: str, task: str, agent: str) -> Path:
    """The run directory: the one given, or a new one named by task, agent and time."""
    if value:
        return Path(value).expanduser().absolute()
    stamp = datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
    return Path('runs').absolute() / f'{task}-{agent}-{stamp}'


def number(context: LaunchContext, name: str, kind: type) -> int | float:
    return launching.number(name, LaunchConfiguration(name).perform(context), kind)


def texts(context: LaunchContext) -> dict[str, str]:
    """The arguments that are text, checked."""
    text = {name: LaunchConfiguration(name).perform(context) for name in (
        'robot', 'task', 'agent', 'size', 'blocks', 'device', 'compile', 'precision', 'namespace', 'log_level', 'config_dir',
        'lockstep', 'velocity_source', 'camera', 'mode', 'variation_file', 'from_checkpoint', 'runtime', 'policy_file')}
    text['config_dir'] = str(Path(text['config_dir']).expanduser().absolute())
    if text['variation_file']:
        node = '/'.join(['', *filter(None, text['namespace'].split('/')), 'mujoco_bridge'])
        launching.check_parameter_file('variation_file', Path(text['variation_file']), node)
    if text['policy_file']:
        text['policy_file'] = str(Path(text['policy_file']).expanduser().absolute())
    return text


def acting(text: dict[str, str], learns: bool, agent: dict, prefill: int) -> dict:
    """The actor's parameters that depend on what runs the policy."""
    path = text['policy_file']
    if text['runtime'] == 'torch':
        if path:
            raise RuntimeError(f"launch argument policy_file: '{path}' needs runtime:=onnx")
        return {**agent, 'prefill': prefill}
    if learns:
        raise RuntimeError("launch argument runtime: 'onnx' runs a finished policy; allowed with learner:=false")
    if not Path(path).is_file():
        raise RuntimeError(f"launch argument policy_file: no file '{path}'; ros2 run dreamer_learner export writes one")
    # Nothing to wait for: it acts at once.
    return {'runtime': 'onnx', 'policy_file': path}


def ahead(priority: int, steps: int) -> dict:
    """Real-time priority: what keeps the robot safe goes before a policy that takes longer than its period."""
    return {'realtime_priority': min(priority + steps, 98) if priority else 0}


def own_topics(namespace: str) -> list[tuple[str, str]]:
    """Two robots in two namespaces have a clock and a tree of frames each."""
    return [(f'/{topic}', topic) for topic in ('clock', 'tf', 'tf_static')] if namespace else []


def robot_nodes(context: LaunchContext) -> list:
    """All nodes, once the arguments are known."""
    text = texts(context)
    task = launching.check_names(text)
    sim, learns = (LaunchConfiguration(name).perform(context) == 'true' for name in ('sim', 'learner'))
    seed, steps = number(context, 'seed', int), number(context, 'steps', int)
    factor, ratio = number(context, 'real_time_factor', float), number(context, 'train_ratio', float)
    lockstep = sim and (factor == 0 if text['lockstep'] == 'auto' else text['lockstep'] == 'true')
    if sim and factor == 0 and not lockstep:
        raise RuntimeError('launch argument real_time_factor: 0.0 needs lockstep; allowed: lockstep:=true or auto')
    command_rate = number(context, 'command_rate', float)
    if lockstep and command_rate:
        raise RuntimeError(f'launch argument command_rate: {command_rate:g} needs time that goes on by itself; '
                           'allowed in lockstep: 0')
    # In lockstep they hardly rest: they would take the learner's time, or the only core.
    priority = 0 if lockstep and (learns or usable_cores() < 2) else PRIORITY
    if LaunchConfiguration('realtime_priority').perform(context) != 'auto':
        priority = number(context, 'realtime_priority', int)
    urdf = launching.robot_description(Path(text['config_dir']), text['robot'])
    run_dir = run_directory(LaunchConfiguration('run_dir').perform(context), text['task'], text['agent'])
    # Where nothing learns, any agent's steps may join those of the run.
    own = ('task', 'robot', 'agent', 'size') if learns else ('task', 'robot')
    launching.check_run_directory(run_dir, {name: text[name] for name in own}, task)
    shared = {'config_dir': text['config_dir'], 'robot': text['robot'], 'task': text['task'], 'use_sim_time': sim}
    agent = {'agent': text['agent'], 'size': text['size'], 'blocks': text['blocks']}
    actor = acting(text, learns, agent, number(context, 'prefill', int))
    kept = {'run_dir': str(run_dir), 'use_sim_time': sim}

    def node(package: str, executable: str, parameters: dict, environment: dict | None = None, files: list[str] | None = None,
             **more: Any) -> Node:
        return Node(
            package=package, executable=executable, name=executable, parameters=[parameters, *(files or [])],
            remappings=own_topics(text['namespace']), output='screen', emulate_tty=True, respawn=True, respawn_delay=1.0,
            arguments=['--ros-args', '--log-level', text['log_level']],
            additional_env={**QUIET, **(environment or {})}, **more)

    nodes = [
        # In simulation the bridge publishes the true pose.
        node('dreamer_sensing', 'sensing', {
            **shared, **ahead(priority, 1), 'velocity_source': text['velocity_source'], 'publish_odometry': not sim}),
        node('dreamer_drivers', 'driver', {**shared, **ahead(priority, 2), 'command_rate': command_rate}),
        node('dreamer_actor', 'actor', {**shared, **ahead(priority, 0), **actor, 'seed': seed, 'mode': text['mode']}),
        node('dreamer_recorder', 'recorder', kept, **PATIENT),
        # The robot's own frames.
        node('robot_state_publisher', 'robot_state_publisher', {
            'robot_description': ParameterValue(urdf, value_type=str), 'use_sim_time': sim}),
    ]
    limit = lockstep and learns and ratio > 0
    if learns:
        threads = training_threads(usable_cores()) if text['device'] == 'cpu' else 0
        learner = {**shared, **agent, 'seed': seed, 'run_dir': str(run_dir), 'train_ratio': ratio, 'device': text['device'],
                   'limit_environment': limit, 'threads': threads, 'from_checkpoint': text['from_checkpoint'],
                   'compile': text['compile'] == 'true', 'precision': text['precision']}
        environment = waiting(threads, paced=factor > 0 or not sim)
        nodes.append(node('dreamer_learner', 'learner', learner, environment, **PATIENT))
    if sim:
        # In lockstep all wait for it.
        nodes.append(node('dreamer_mujoco', 'mujoco_bridge', {
            **shared, **ahead(priority if lockstep else 0, 3), 'seed': seed, 'real_time_factor': factor, 'lockstep': lockstep,
            'wait_for_learner': limit, 'camera': text['camera'],
        }, files=[text['variation_file']] if text['variation_file'] else []))
    ends = {'steps': steps, 'duration': number(context, 'duration', float)}
    console = node('dreamer_monitor', 'console', {**kept, **ends}, **PATIENT)
    handlers = [RegisterEventHandler(OnProcessExit(target_action=item, on_exit=on_exit(item is console)))
                for item in [*nodes, console]]
    view = rviz(text['namespace'], sim) if LaunchConfiguration('rviz').perform(context) == 'true' else []
    return [LogInfo(msg=f'run directory: {run_dir}'), *handlers, *nodes, console, *view]


def cpu_quota(mount: Path, group: str) -> float:
    """Cores that a control group and those around it may use (cpu.max of cgroup v2); infinite = no limit."""
    limit = math.inf
    folder = mount / group.strip('/')
    for path in (folder, *folder.parents):
        try:
            quota, period = (path / 'cpu.max').read_text(encoding='ascii').split()
        except (OSError, ValueError):
            continue
        if quota != 'max':
            limit = min(limit, int(quota) / int(period))
    return limit


def usable_cores() -> int:
    """Whole cores that the nodes may use: those of the machine, this process's affinity, its control group's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    groups = Path('/proc/self/cgroup')
    group = groups.read_text(encoding='utf-8').strip().rpartition('::')[2] if groups.is_file() else ''
    return max(1, int(min(cores, cpu_quota(Path('/sys/fs/cgroup'), group))))


def training_threads(cores: int) -> int:
    """Threads for training on the CPU: all cores but one, which is left to the control loop."""
    return max(1, min(cores - 1, MOST_THREADS))


def waiting(threads: int, paced: bool) -> dict[str, str]:
    """How the learner's threads wait; `threads` 0 = it computes elsewhere.

    Between two matrices they spin only where they have three cores and the control nodes rest between two steps: unpaced,
    those need every core all the time.
    """
    return {'OMP_NUM_THREADS': str(threads or 1), 'OMP_WAIT_POLICY': 'active' if paced and threads >= 3 else 'passive'}


def on_exit(finishes: bool) -> Callable[[Any, LaunchContext], list]:
    """Ends the launch when a node was misconfigured or cannot be made, or when the console says that the run is complete."""
    failed = 0

    def decide(event: Any, context: LaunchContext) -> list:
        nonlocal failed
        failed = failed + 1 if event.returncode == NOT_MADE else 0
        if event.returncode == USER_ERROR and not context.is_shutdown:
            # An error, not a Shutdown event: with that, ros2 launch would end with exit code 0.
            raise RuntimeError(f'{event.process_name} cannot work with what it was given; its error is above')
        if failed == ATTEMPTS and not context.is_shutdown:
            raise RuntimeError(f'{event.process_name} failed {ATTEMPTS} times in a row before it ran (exit code {NOT_MADE}); its '
                               'error is above')
        if finishes and event.returncode == 0:
            return [EmitEvent(event=Shutdown(reason='the run is complete'))]
        return []
    return decide


def rviz(namespace: str, sim: bool) -> list[Node]:
    """rviz2 with the shipped view; without it a warning: the robot learns all the same."""
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError:
        get_logger('launch').warning('rviz:=true: the package rviz2 is not installed; going on without it')
        return []
    return [Node(
        package='rviz2', executable='rviz2', name='rviz', output='log', arguments=['-d', str(SHARE / 'rviz' / 'robot.rviz')],
        parameters=[{'use_sim_time': sim}], remappings=own_topics(namespace))]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([
        *arguments(),
        # Lines of a node appear when they are written, not when a buffer is full.
        SetEnvironmentVariable('RCUTILS_LOGGING_BUFFERED_STREAM', '0'),
        SetEnvironmentVariable('PYTHONUNBUFFERED', '1'),
        *[SetEnvironmentVariable(name, os.environ.get(name) or str(SHARE / 'config' / 'fastdds.xml')) for name in PROFILE_NAMES],
        # Nodes are found on this machine only, unless the user says otherwise.
        SetEnvironmentVariable('ROS_AUTOMATIC_DISCOVERY_RANGE', os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE') or 'LOCALHOST'),
        GroupAction([PushRosNamespace(LaunchConfiguration('namespace')), OpaqueFunction(function=robot_nodes)]),
    ])
