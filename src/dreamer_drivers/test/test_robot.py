from pathlib import Path

import numpy as np
import pytest
from robot_files import ROBOT, TASK, URDF, write_robot

from dreamer_drivers.config import DriverConfig
from dreamer_drivers.gate import SafetyGate
from dreamer_drivers.robot import load_gate
from dreamer_learning.config import ConfigError
from dreamer_learning.spaces import load_task

SHIPPED = Path(__file__).parents[3] / 'config'


def load(config_dir: Path, command_rate: float = 0.0) -> tuple[DriverConfig, SafetyGate]:
    return load_gate(config_dir, 'twig', load_task(config_dir, 'twig_task'), command_rate)


def test_numbers_by_joint(tmp_path: Path) -> None:
    config, gate = load(write_robot(tmp_path), command_rate=200.0)
    assert config.joints == ['hip_joint', 'knee_joint']
    assert gate.config.range_lower == pytest.approx([-0.8, -1.0])
    assert gate.config.range_upper == pytest.approx([0.8, 1.5])
    assert (gate.config.kp.tolist(), gate.config.kd.tolist()) == ([80, 40], [1, 2])
    assert gate.config.damping.tolist() == [3, 4]
    assert (gate.config.period, gate.config.command_period) == (0.05, 0.005)
    assert np.isinf(gate.config.max_torque).all()


def test_shipped_a1_has_the_published_ranges_and_gains() -> None:
    _, gate = load_gate(SHIPPED, 'a1', load_task(SHIPPED, 'a1_walk'))
    numbers = gate.config
    assert numbers.range_lower == pytest.approx([-0.787, -0.995, -2.679] * 4, abs=1e-3)
    assert numbers.range_upper == pytest.approx([0.787, 3.665, -1.628] * 4, abs=1e-3)
    assert numbers.kp.tolist() == [80] * 12
    assert numbers.kd.tolist() == [1, 2, 2] * 4
    assert (numbers.cutoff, numbers.max_deviation, numbers.hold_after, numbers.damp_after) == (1.5, 0.2, 0.2, 1.0)


@pytest.mark.parametrize(('old', 'new', 'texts'), [
    ('max_deviation', 'max_deviaton', ["unknown key 'max_deviaton'", "did you mean 'max_deviation'"]),
    ('  cutoff: 0.0\n', '', ["missing key 'cutoff'"]),
    ('cutoff: 0.0', 'cutoff: 10.0', ['cutoff 10.0', 'half the control rate']),
    ('cutoff: 0.0', 'cutoff: -1.0', ['cutoff -1.0']),
    ('max_deviation: 0.2', 'max_deviation: .nan', ['max_deviation: expected float, not nan']),
    ('soft_start: 0.0', 'hold_after: 0.05', ['hold_after 0.05', 'control period']),
    ('soft_start: 0.0', 'hold_after: 1.0', ['hold_after 1.0 must be below 1 s']),
    ('soft_start: 0.0', 'damp_after: 0.2', ['damp_after 0.2 must be above hold_after 0.2']),
    ('soft_start: 0.0', 'max_action_age: 0.0', ['max_action_age 0.0']),
    ('hip_*', 'ankle_*', ["groups: joint 'hip_joint' matches no pattern", 'one of: ankle_*, knee_*']),
    ("'hip_*'", "'*_joint'", ["groups: joint 'knee_joint' matches patterns *_joint, knee_*"]),
    ('fraction: [0.1, 0.9]', 'fraction: [0.9, 0.1]', ['action_range: h*_joint', 'fraction [0.9, 0.1]']),
    ("'h*_joint'", "'hop_joint'", ["action_range: joint 'hip_joint' matches no pattern"]),
    ('action_range:', 'acton_range:', ["missing key 'action_range'"]),
    ('damping: 3.0', 'damping: 0.0', ['damping 0.0']),
    ('kp: 80.0', 'kp: -1.0', ['kp -1.0']),
    ('lower: -1.0', 'lower: 1.0', ['lower 1.0 must be below upper 1.0']),
    ('[hip_joint, knee_joint]', '[hip_joint, hip_joint]', ['joints: at least one, each once']),
    ('lower: -1.0, upper: 1.0', 'lower: 3.0, upper: 4.0', ["3.1..3.9 of 'hip_joint' lies outside its limits -1..1", 'twig.urdf']),
    ('driver:', 'drivers:', ["missing section 'driver'", "did you mean 'drivers'"]),
])
def test_bad_configuration_names_file_and_key(tmp_path: Path, old: str, new: str, texts: list[str]) -> None:
    assert old in ROBOT
    with pytest.raises(ConfigError) as error:
        load(write_robot(tmp_path, robot=ROBOT.replace(old, new)))
    for text in ['twig.yaml', *texts]:
        assert text in str(error.value)


@pytest.mark.parametrize('action', ['{size: 3}', '{size: 2, discrete: true}'])
def test_task_of_other_actions(tmp_path: Path, action: str) -> None:
    with pytest.raises(ConfigError, match='drives the 2 joints of one robot'):
        load(write_robot(tmp_path, task=TASK.replace('{size: 2}', action)))


@pytest.mark.parametrize('rate', ['.inf', '.nan', '0.0'])
def test_control_rate_that_is_none(tmp_path: Path, rate: str) -> None:
    with pytest.raises(ConfigError, match='twig_task.yaml: control_rate'):
        load(write_robot(tmp_path, task=TASK.replace('control_rate: 20.0', f'control_rate: {rate}')))


@pytest.mark.parametrize('rate', [10.0, -1.0, 1000.1, float('inf'), float('nan')])
def test_command_rate_below_the_control_rate_or_beyond_what_a_core_can_do(tmp_path: Path, rate: float) -> None:
    with pytest.raises(ConfigError, match='command_rate'):
        load(write_robot(tmp_path), command_rate=rate)


def test_a_torque_bound_that_could_not_be_kept_is_refused(tmp_path: Path) -> None:
    config_dir = write_robot(tmp_path, robot=ROBOT.replace('damping: 3.0', 'damping: 3.0, max_torque: 5.0'))
    with pytest.raises(ConfigError, match='twig.yaml: driver: groups: hip: max_torque 5.0.*command_rate'):
        load(config_dir)
    assert load(config_dir, command_rate=200.0)[1].config.max_torque[0] == 5.0


def test_urdf_without_a_joint(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="twig.urdf: no joint 'knee_joint'; did you mean 'kne_joint'"):
        load(write_robot(tmp_path, urdf=URDF.replace('knee_joint', 'kne_joint')))
