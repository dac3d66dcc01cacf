"""The safety gate of a robot, assembled from its configuration, task and URDF."""

from __future__ import annotations

from pathlib import Path

from dreamer_drivers.config import DriverConfig, gate_config, load_driver_config
from dreamer_drivers.gate import SafetyGate
from dreamer_learning.config import ConfigError
from dreamer_learning.spaces import Task
from dreamer_learning.urdf import Urdf


def load_gate(config_dir: Path, robot: str, task: Task, command_rate: float = 0.0) -> tuple[DriverConfig, SafetyGate]:
    """The configuration and the gate of config/robots/<robot>.yaml with the joint limits of its URDF.

    Args:
        config_dir: its sibling urdf/ holds the robot's URDF.
        command_rate: Hz, set-points per second; 0 = one command an action.

    Raises:
        ConfigError: anything that does not fit together.
    """
    config = load_driver_config(config_dir, robot)
    source = f'{config_dir}/robots/{robot}.yaml: driver'
    if task.action.discrete or task.action.size != len(config.joints) or task.environments != 1:
        kind = 'choices' if task.action.discrete else 'numbers'
        raise ConfigError(
            f'{task.source}: an action is {task.action.size} {kind} for {task.environments} environments, '
            f'but {source} drives the {len(config.joints)} joints of one robot'
        )
    try:
        numbers = gate_config(config, task.control_rate, command_rate)
    except ConfigError as error:
        raise ConfigError(f'{source}: {error}') from None
    urdf = Urdf(Path(config_dir).parent / 'urdf' / config.urdf)
    lower, upper = urdf.limits(config.joints)
    for index, joint in enumerate(config.joints):
        low, high = numbers.range_lower[index], numbers.range_upper[index]
        if low >= upper[index] or high <= lower[index]:
            raise ConfigError(
                f"{config_dir}/robots/{robot}.yaml: action_range: {low:.4g}..{high:.4g} of '{joint}' lies outside its limits "
                f'{lower[index]:.4g}..{upper[index]:.4g} in {urdf.path}'
            )
    return config, SafetyGate(numbers, lower, upper, urdf.speeds(config.joints))
