"""The bridge's ROS parameters: read, checked, and merged into the robot's configuration."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from dreamer_learning.config import ConfigError, nearest
from dreamer_learning.spaces import load_task
from dreamer_mujoco.config import SimulationConfig, Variation, load_simulation
from dreamer_node.runtime import config_dir, declare

CAMERA_MODES = ('auto', 'on', 'off')


@dataclasses.dataclass(frozen=True)
class BridgeParameters:
    """What one bridge runs.

    Attributes:
        robot: name of the robot, for reports.
        urdf: path of its description.
        config: its simulation, with the variation of the parameters.
        control_rate: Hz, of the task: one step in lockstep.
        lockstep: wait for the answer to every reading.
        real_time_factor: simulated seconds per second; 0 = unpaced.
        state_rate: Hz, readings per simulated second without lockstep.
        seed: of the noise in keyframes and sensors.
        camera: 'auto', 'on', 'off'.
        needs_images: the task observes the camera: without images nothing would move.
        wait_for_learner: keep to step_limit.
    """

    robot: str
    urdf: Path
    config: SimulationConfig
    control_rate: float
    lockstep: bool
    real_time_factor: float
    state_rate: float
    seed: int
    camera: str
    needs_images: bool
    wait_for_learner: bool


def read_parameters(node: Node) -> BridgeParameters:
    """Declare all parameters of the node and read them.

    Raises:
        ConfigError: a value that is not allowed, or an unknown robot, task or keyframe.
    """
    folder = config_dir(node)
    robot = str(declare(node, 'robot', 'a1', 'name of config/robots/<robot>.yaml'))
    task_name = str(declare(node, 'task', 'a1_walk', 'name of config/tasks/<task>.yaml'))
    task = load_task(folder, task_name)
    urdf, config = load_simulation(folder, robot)
    keyframe = str(declare(node, 'keyframe', config.start, 'pose of the robot at the start'))
    config.keyframe(keyframe)
    camera = str(declare(node, 'camera', 'auto', "images when someone subscribes ('auto'), 'on' or 'off'"))
    if camera not in CAMERA_MODES:
        raise ConfigError(f"camera '{camera}'; {nearest(camera, CAMERA_MODES)}")
    needs_images = any(spec.image for spec in task.observation.values())
    if needs_images and camera == 'off':
        raise ConfigError(f"camera 'off': the task '{task_name}' needs images; allowed: auto, on")
    if needs_images and not config.cameras:
        raise ConfigError(f"the task '{task_name}' needs images, and the robot '{robot}' has no cameras")
    lockstep = bool(declare(node, 'lockstep', False, 'wait for the joint_command that answers each reading'))
    factor = _number(node, 'real_time_factor', 1.0, 'simulated seconds per second; 0.0 = as fast as the nodes answer')
    if not 0 <= factor < math.inf or (factor == 0 and not lockstep):
        raise ConfigError(f'real_time_factor {factor}: above 0, or 0.0 together with lockstep')
    state_rate = _number(node, 'state_rate', 100.0, 'Hz, readings per simulated second without lockstep')
    if not 1 <= state_rate <= 1 / config.timestep:
        raise ConfigError(f'state_rate {state_rate}: between 1 and {1 / config.timestep:g} Hz')
    if task.control_rate > 1 / config.timestep:
        raise ConfigError(f'{task.source}: control_rate {task.control_rate}: at most {1 / config.timestep:g} Hz')
    seed = int(declare(node, 'seed', 0, 'of the noise in poses and sensors'))
    if seed < 0:
        raise ConfigError(f'seed {seed}: at least 0')
    return BridgeParameters(
        robot=robot,
        urdf=urdf,
        config=dataclasses.replace(config, start=keyframe or config.start, variation=_variation(node, config)),
        control_rate=task.control_rate,
        lockstep=lockstep,
        real_time_factor=factor,
        state_rate=state_rate,
        seed=seed,
        camera=camera,
        needs_images=needs_images,
        wait_for_learner=bool(declare(node, 'wait_for_learner', False, 'in lockstep: do not pass step_limit')),
    )


def _variation(node: Node, config: SimulationConfig) -> Variation:
    """The robot's variation with the ranges that the parameters variation.* replace."""
    values: dict[str, object] = {}
    for field in dataclasses.fields(Variation):
        name = f'variation.{field.name}'
        if field.name == 'seed':
            seed = int(declare(node, name, config.variation.seed, 'of the draws'))
            if seed < 0:
                raise ConfigError(f'{name} {seed}: at least 0')
            values['seed'] = seed
            continue
        default = getattr(config.variation, field.name) or (config.friction, config.friction)
        value = _dynamic(node, name, list(default), 'one number, or the range [lowest, highest] to draw from')
        values[field.name] = _range(name, value)
    try:
        return Variation(**values)  # type: ignore[arg-type]
    except ConfigError as error:
        raise ConfigError(f'variation.{error}') from None


def _range(name: str, value: object) -> tuple[float, float]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value), float(value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and len(value) == 2:
        low, high = value
        if isinstance(low, (int, float)) and isinstance(high, (int, float)):
            return float(low), float(high)
    raise ConfigError(f'{name}: {value!r} is not a number or [lowest, highest]')


def _number(node: Node, name: str, default: float, description: str) -> float:
    value = _dynamic(node, name, default, description)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f'{name}: {value!r} is not a number')
    return float(value)


def _dynamic(node: Node, name: str, default: object, description: str) -> object:
    """A read-only parameter whose type is checked here: 1 is as good as 1.0."""
    descriptor = ParameterDescriptor(description=description, read_only=True, dynamic_typing=True)
    value = node.declare_parameter(name, default, descriptor).value
    return list(value) if hasattr(value, 'typecode') else value
