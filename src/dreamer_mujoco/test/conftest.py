"""The A1 of the repository, and a one-joint arm for which results can be computed by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamer_mujoco.config import Keyframe, SimulationConfig, Variation, load_simulation
from dreamer_mujoco.servo import Command
from dreamer_mujoco.simulation import Simulation
from dreamer_node.testing import private_domain

_private_domain = pytest.fixture(scope='session', autouse=True)(private_domain)

CONFIG_DIR = Path(__file__).resolve().parents[3] / 'config'

MakeSimulation = Callable[..., Simulation]

ARM_INERTIA = 0.5
ARM_EFFORT = 30.0
ARM = f"""<robot name="arm">
  <link name="base"/>
  <link name="arm">
    <inertial><mass value="1"/><inertia ixx="0.5" ixy="0" ixz="0" iyy="0.5" iyz="0" izz="{ARM_INERTIA}"/></inertial>
  </link>
  <joint name="turn" type="revolute">
    <origin xyz="0 0 1"/><parent link="base"/><child link="arm"/><axis xyz="0 0 1"/>
    <limit lower="-3" upper="3" effort="{ARM_EFFORT}" velocity="10"/>
  </joint>
</robot>"""


@pytest.fixture
def config_dir() -> Path:
    return CONFIG_DIR


@pytest.fixture
def arm(tmp_path: Path) -> MakeSimulation:
    """Makes the arm: its axis is vertical, so gravity does not turn it; no friction."""
    path = tmp_path / 'arm.urdf'
    path.write_text(ARM)
    config = SimulationConfig(
        urdf='arm.urdf', base_link='base', joints=['turn'],
        keyframes={'zero': Keyframe([0.0], settle=0.0, hold=True)}, start='zero',
        fixed_base=True, armature=0.0, damping=0.0, friction_loss=0.0, hold_kp=0.0, hold_kd=0.0,
    )

    def make(command_timeout: bool = False, **changes: Any) -> Simulation:
        return Simulation(path, dataclasses.replace(config, **changes), command_timeout=command_timeout)

    return make


@pytest.fixture
def a1() -> MakeSimulation:
    """Makes the A1, with a variation if asked for."""

    def make(seed: int = 0, variation: Variation | None = None) -> Simulation:
        urdf, config = load_simulation(CONFIG_DIR, 'a1')
        return Simulation(urdf, dataclasses.replace(config, variation=variation or Variation()), seed)

    return make


def command(position: list[float] | np.ndarray, kp: float = 80.0, kd: float = 2.0, **more: float) -> Command:
    """A command with equal gains for all joints."""
    position = np.array(position, float)
    zeros = np.zeros_like(position)
    effort, velocity = more.pop('effort', 0.0), more.pop('velocity', 0.0)
    return Command(position, zeros + velocity, zeros + effort, zeros + kp, zeros + kd, **more)
