"""URDF import: the A1's published figures, and clear errors for descriptions that cannot be used."""

import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np
import pytest
from conftest import ARM, CONFIG_DIR

from dreamer_learning.config import ConfigError
from dreamer_mujoco.config import CameraConfig, Keyframe, SensorNoise, SimulationConfig, Variation, draw, load_simulation
from dreamer_mujoco.model import RobotModel, build_model

ARM_CONFIG = SimulationConfig('arm.urdf', 'base', ['turn'], {'zero': Keyframe([0.0])}, 'zero', fixed_base=True)


def load(path: Path, config: SimulationConfig = ARM_CONFIG) -> RobotModel:
    return build_model(path, config, draw(config.variation, config.friction))


@pytest.fixture(scope='module')
def robot() -> RobotModel:
    urdf, config = load_simulation(CONFIG_DIR, 'a1')
    return load(urdf, config)


def test_a1_has_the_published_mass(robot: RobotModel) -> None:
    model = robot.model
    assert model.body_mass.sum() == pytest.approx(4.713 + 4 * (0.696 + 1.013 + 0.166 + 0.06))


def test_a1_has_the_published_limits(robot: RobotModel) -> None:
    model = robot.model
    for leg in ('FR', 'FL', 'RR', 'RL'):
        assert model.joint(f'{leg}_hip_joint').range == pytest.approx([-0.802, 0.802])
        assert model.joint(f'{leg}_thigh_joint').range == pytest.approx([-1.047, 4.189])
        assert model.joint(f'{leg}_calf_joint').range == pytest.approx([-2.697, -0.916])
    assert robot.effort_limit == pytest.approx(33.5)
    assert model.actuator_forcerange == pytest.approx(np.tile([-33.5, 33.5], (12, 1)))


def test_a1_has_the_published_link_lengths(robot: RobotModel) -> None:
    model = robot.model
    assert model.body('FL_hip').pos == pytest.approx([0.183, 0.047, 0])
    assert model.body('RR_hip').pos == pytest.approx([-0.183, -0.047, 0])
    assert model.body('FR_thigh').pos == pytest.approx([0, -0.0838, 0])
    assert model.body('RL_calf').pos == pytest.approx([0, 0, -0.2])
    assert model.body('RL_foot').pos == pytest.approx([0, 0, -0.2])


def test_a1_is_mirror_symmetric(robot: RobotModel) -> None:
    model = robot.model
    for part in ('hip', 'thigh', 'calf', 'foot'):
        right, left = model.body(f'FR_{part}').id, model.body(f'FL_{part}').id
        assert model.body_ipos[right] * [1, -1, 1] == pytest.approx(model.body_ipos[left])
        assert model.body_inertia[right] == pytest.approx(model.body_inertia[left])


def test_a1_does_not_collide_with_itself_in_its_keyframes(robot: RobotModel) -> None:
    model, data = robot.model, mujoco.MjData(robot.model)
    _, config = load_simulation(CONFIG_DIR, 'a1')
    for keyframe in config.keyframes.values():
        data.qpos[:7] = [0, 0, 2, 1, 0, 0, 0]
        data.qpos[robot.qpos] = keyframe.joints
        mujoco.mj_forward(model, data)
        assert data.ncon == 0


def test_a1_legs_do_collide_with_the_trunk(robot: RobotModel) -> None:
    model, data = robot.model, mujoco.MjData(robot.model)
    data.qpos[:7] = [0, 0, 2, 1, 0, 0, 0]
    # Hips turned in as far as they go, thighs along the trunk.
    data.qpos[robot.qpos] = [0.802, 1.57, -1.0, -0.802, 1.57, -1.0] * 2
    mujoco.mj_forward(model, data)
    assert data.ncon > 0


def test_joints_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    urdf, config = load_simulation(CONFIG_DIR, 'a1')
    swapped = dataclasses.replace(config, joints=list(reversed(config.joints)))
    robot = load(urdf, swapped)
    names = [robot.model.joint(int(np.flatnonzero(robot.model.jnt_qposadr == address)[0])).name for address in robot.qpos]
    assert names == swapped.joints


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (ARM.replace('</robot>', ''), 'not valid XML'),
        ('<mujoco/>', "root element is 'mujoco'"),
        (ARM.replace('"turn"', '"turm"'), "no joint 'turn'; did you mean 'turm'"),
        (ARM.replace('revolute', 'fixed'), "joint 'turn': type 'fixed' cannot be driven"),
        (ARM.replace('name="base"', 'name="bases"').replace('link="base"', 'link="bases"'), "no link 'base'"),
        (ARM.replace('effort="30.0"', 'effort="much"'), "limit effort='much'"),
        (ARM.replace('<mass value="1"/>', '<mass value="-1"/>'), 'MuJoCo cannot load it'),
        (ARM.replace('child link="arm"', 'child link="leg"'), 'MuJoCo cannot load it'),
        (
            ARM.replace('</inertial>', '</inertial><collision><geometry><mesh filename="a.dae"/></geometry></collision>'),
            "collision mesh 'a.dae'",
        ),
        (
            ARM.replace('</inertial>', '</inertial><visual><geometry><mesh filename="package://x/a.stl"/></geometry></visual>'),
            "mesh 'package://x/a.stl' not found",
        ),
    ],
)
def test_bad_descriptions_name_file_and_fault(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / 'arm.urdf'
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_a_free_robot_that_touches_nothing_is_refused(tmp_path: Path) -> None:
    urdf, config = load_simulation(CONFIG_DIR, 'a1')
    path = tmp_path / 'ghost.urdf'
    path.write_text(re.sub(r'<collision>.*?</collision>', '', urdf.read_text(), flags=re.DOTALL))
    with pytest.raises(ConfigError, match='ghost.urdf: no link has a <collision>'):
        load(path, config)


def test_missing_description_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='none.urdf'):
        load(tmp_path / 'none.urdf')


def test_undrawable_visuals_are_left_out_and_the_collision_shape_is_drawn(tmp_path: Path) -> None:
    shape = '<collision><geometry><box size="1 1 1"/></geometry></collision>'
    visual = '<visual><geometry><mesh filename="package://x/a.dae"/></geometry></visual>'
    path = tmp_path / 'arm.urdf'
    path.write_text(ARM.replace('</inertial>', '</inertial>' + shape + visual))
    model = load(path).model
    assert model.ngeom == 2
    assert model.geom_group[1] < 3


def test_robot_without_floating_base_is_fixed(tmp_path: Path) -> None:
    path = tmp_path / 'arm.urdf'
    path.write_text(ARM)
    assert load(path).model.nq == 1


@pytest.mark.parametrize('root', ['footprint', 'world'])
def test_massless_links_above_the_base_are_fine(tmp_path: Path, root: str) -> None:
    link = f'<link name="{root}"/><joint name="mount" type="fixed"><parent link="{root}"/><child link="base"/></joint>'
    path = tmp_path / 'arm.urdf'
    path.write_text(ARM.replace('<link name="base"/>', link + '<link name="base"/>'))
    robot = load(path)
    assert robot.model.nq == 1
    assert robot.model.body(robot.base).name == 'base'


@pytest.mark.parametrize('joint', [
    '<joint name="mount" type="fixed"><origin rpy="0 0 1.57"/>', '<joint name="mount" type="continuous">',
])
def test_an_imu_with_other_axes_than_the_base_is_refused(tmp_path: Path, joint: str) -> None:
    imu = f"""<link name="imu"><inertial><mass value="1"/><inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/></inertial>
        </link>{joint}<parent link="base"/><child link="imu"/></joint></robot>"""
    path = tmp_path / 'arm.urdf'
    path.write_text(ARM.replace('</robot>', imu))
    with pytest.raises(ConfigError, match="arm.urdf: imu_link: 'imu' must be fixed to 'base' and have its axes"):
        load(path, dataclasses.replace(ARM_CONFIG, imu_link='imu'))


@pytest.mark.parametrize(('make', 'words'), [
    (lambda: Keyframe([math.nan]), 'every value must be finite'),
    (lambda: Keyframe([0.0], orientation=(0.0, math.inf, 0.0)), 'every value must be finite'),
    (lambda: Keyframe([0.0], settle=math.inf), 'settle inf'),
    (lambda: Keyframe([0.0], noise=-1.0), 'noise -1.0'),
    (lambda: SensorNoise(orientation=math.nan), 'orientation nan'),
    (lambda: Keyframe([0.0], settle=1e308), r'settle 1e\+308: from 0 to 600 s'),
    (lambda: Keyframe([0.0], noise=1e308), r'noise 1e\+308: from 0 to pi'),
    (lambda: SensorNoise(orientation=1e308), r'orientation 1e\+308: from 0 to 1e\+06'),
    (lambda: Variation(sensor_noise=(0.0, 1e308)), r'sensor_noise: \[0.0, 1e\+308\]: at least 0 and at most 1e\+06'),
    (lambda: CameraConfig('eye', width=10**30), r'width 10{30}: from 1 to 8192 pixels'),
    (lambda: CameraConfig('eye', height=0), 'height 0: from 1 to 8192 pixels'),
    (lambda: CameraConfig('eye', rate=math.nan), 'rate nan: from 0.001 to 1000 Hz'),
    (lambda: CameraConfig('eye', rate=math.inf), 'rate inf: from 0.001 to 1000 Hz'),
    (lambda: CameraConfig('eye', rate=1e-308), 'rate 1e-308: from 0.001 to 1000 Hz'),
    (lambda: CameraConfig('eye', field_of_view=0.0), 'field_of_view 0.0: between 0 and pi'),
    (lambda: dataclasses.replace(ARM_CONFIG, friction=math.inf), 'friction inf'),
])
def test_numbers_that_mean_nothing_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


@pytest.mark.parametrize(('old', 'new', 'text'), [
    ('width: 64', f'width: {10**30}', r'cameras: camera: width 10{30}: from 1 to 8192 pixels'),
    ('noise: 0.02', 'noise: 1.0e+308', r'keyframes: back: noise 1e\+308: from 0 to pi'),
])
def test_a_value_of_the_robots_file_is_named_with_its_key(tmp_path: Path, old: str, new: str, text: str) -> None:
    path = tmp_path / 'robots' / 'a1.yaml'
    path.parent.mkdir()
    path.write_text((CONFIG_DIR / 'robots' / 'a1.yaml').read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=f'{path}: simulation: {text}'):
        load_simulation(tmp_path, 'a1')


def test_configuration_errors_are_clear() -> None:
    with pytest.raises(ConfigError, match="start: no keyframe 'zer'; did you mean 'zero'"):
        dataclasses.replace(ARM_CONFIG, start='zer')
    with pytest.raises(ConfigError, match='2 values for 1 joints'):
        dataclasses.replace(ARM_CONFIG, keyframes={'zero': Keyframe([0.0, 1.0])})
    with pytest.raises(ConfigError, match='timestep'):
        dataclasses.replace(ARM_CONFIG, timestep=0.0)
    with pytest.raises(ConfigError, match='friction'):
        dataclasses.replace(ARM_CONFIG, friction=-1.0)


def test_variation_of_the_robots_file_is_checked(config_dir: Path) -> None:
    with pytest.raises(ConfigError, match='motor_strength'):
        Variation(motor_strength=(1.0, float('nan')))
