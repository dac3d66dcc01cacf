"""Feet and Jacobians from a URDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from dog import HIP_OFFSET, HIP_X, HIP_Y, LEGS, LINK, STANDING

from dreamer_learning.config import ConfigError
from dreamer_sensing.kinematics import FootKinematics
from dreamer_sensing.settings import SensingConfig

FEET = ['FR_foot', 'FL_foot', 'RR_foot', 'RL_foot']


@pytest.fixture
def kinematics(settings: tuple[SensingConfig, Path]) -> FootKinematics:
    return FootKinematics(settings[1], 'trunk', FEET, LEGS)


def chain(tmp_path: Path, joints: str, feet: Sequence[str] = ('tip',), names: Sequence[str] = ('a', 'b')) -> FootKinematics:
    path = tmp_path / 'robot.urdf'
    path.write_text(f'<robot><link name="base"/><link name="mid"/><link name="tip"/>{joints}</robot>')
    return FootKinematics(path, 'base', feet, names)


def joint(name: str, kind: str, parent: str, child: str, extra: str = '') -> str:
    return f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>{extra}</joint>'


def test_straight_legs(kinematics: FootKinematics) -> None:
    point, _ = kinematics.compute(np.zeros(12))
    across = HIP_Y + HIP_OFFSET
    expected = [[x, y, -2 * LINK] for x in (HIP_X, -HIP_X) for y in (-across, across)]
    np.testing.assert_allclose(point, expected, atol=1e-12)


def test_a_bent_leg_by_hand(kinematics: FootKinematics) -> None:
    # Thigh back by 90 degrees points to -x; the calf folded by -90 degrees points down again.
    position = np.zeros(12)
    position[1:3] = [np.pi / 2, -np.pi / 2]
    point, jacobian = kinematics.compute(position)
    np.testing.assert_allclose(point[0], [HIP_X - LINK, -HIP_Y - HIP_OFFSET, -LINK], atol=1e-12)
    # About y, omega x r: the thigh's arm is (-LINK, 0, -LINK), the calf's (0, 0, -LINK).
    np.testing.assert_allclose(jacobian[0, :, 1], [-LINK, 0, LINK], atol=1e-12)
    np.testing.assert_allclose(jacobian[0, :, 2], [-LINK, 0, 0], atol=1e-12)


def test_jacobians_are_the_derivatives(kinematics: FootKinematics) -> None:
    position = STANDING + 0.1 * np.sin(np.arange(12.0))
    _, jacobian = kinematics.compute(position)
    for foot in range(4):
        for column, index in enumerate(kinematics.index[foot]):
            step = np.zeros(12)
            step[index] = 1e-6
            change = kinematics.compute(position + step)[0][foot] - kinematics.compute(position - step)[0][foot]
            np.testing.assert_allclose(jacobian[foot, :, column], change / 2e-6, atol=1e-8)


def test_the_order_of_the_joints_is_that_of_the_caller(settings: tuple[SensingConfig, Path]) -> None:
    shuffled = FootKinematics(settings[1], 'trunk', FEET, LEGS[::-1])
    straight = FootKinematics(settings[1], 'trunk', FEET, LEGS)
    position = np.linspace(-0.5, 0.5, 12)
    np.testing.assert_allclose(shuffled.compute(position[::-1])[0], straight.compute(position)[0])


def test_the_touching_point_moves_with_the_last_link(kinematics: FootKinematics) -> None:
    point, jacobian = kinematics.compute(STANDING, np.array([0.0, 0.0, -0.02]))
    centre, of_centre = kinematics.compute(STANDING)
    np.testing.assert_allclose(point - centre, np.tile([0.0, 0.0, -0.02], (4, 1)), atol=1e-12)
    # One more rad/s of the calf about y moves a point 0.02 m further down by -0.02 m/s in x.
    np.testing.assert_allclose((jacobian - of_centre)[:, :, 2], np.tile([-0.02, 0.0, 0.0], (4, 1)), atol=1e-12)


def test_fixed_joints_and_turned_frames(tmp_path: Path) -> None:
    joints = joint('a', 'continuous', 'base', 'mid', '<origin xyz="1 0 0" rpy="0 0 1.5707963267948966"/><axis xyz="0 0 2"/>')
    joints += joint('f', 'fixed', 'mid', 'tip', '<origin xyz="0.5 0 0"/>')
    point, jacobian = chain(tmp_path, joints).compute(np.array([0.0, 0.0]))
    np.testing.assert_allclose(point, [[1.0, 0.5, 0.0]], atol=1e-12)
    np.testing.assert_allclose(jacobian[0, :, 0], [-0.5, 0.0, 0.0], atol=1e-12)


def test_an_offset_is_turned_by_the_fixed_joint_before_it(tmp_path: Path) -> None:
    joints = joint('f', 'fixed', 'base', 'mid', '<origin xyz="1 0 0" rpy="0 0 1.5707963267948966"/>')
    joints += joint('a', 'revolute', 'mid', 'tip', '<origin xyz="0.5 0 0"/><axis xyz="0 0 1"/>')
    point, _ = chain(tmp_path, joints).compute(np.array([0.3, 0.0]))
    np.testing.assert_allclose(point, [[1.0, 0.5, 0.0]], atol=1e-12)


def test_chains_of_different_lengths(tmp_path: Path) -> None:
    joints = joint('a', 'revolute', 'base', 'mid', '<origin xyz="0 0 1"/><axis xyz="0 1 0"/>')
    joints += joint('b', 'revolute', 'mid', 'tip', '<origin xyz="0 0 1"/><axis xyz="0 1 0"/>')
    point, jacobian = chain(tmp_path, joints, ('mid', 'tip')).compute(np.array([np.pi / 2, 0.3]))
    np.testing.assert_allclose(point, [[0, 0, 1], [1, 0, 1]], atol=1e-12)
    np.testing.assert_allclose(jacobian[0], np.zeros((3, 2)), atol=1e-12)
    np.testing.assert_allclose(jacobian[1], [[0, 0], [0, 0], [-1, 0]], atol=1e-12)


REVOLUTE = joint('a', 'revolute', 'base', 'mid')


@pytest.mark.parametrize(('joints', 'feet', 'text'), [
    (REVOLUTE, ['mit'], "no link 'mit'; did you mean 'mid'"),
    (REVOLUTE, ['tip'], "no chain of joints from 'base' to 'tip'"),
    (joint('a', 'prismatic', 'base', 'mid'), ['mid'], "joint 'a' on the way to 'mid' is 'prismatic'"),
    (joint('c', 'revolute', 'base', 'mid'), ['mid'], "joint 'c' is not in joints"),
    (joint('a', 'fixed', 'base', 'mid'), ['mid'], "no movable joint between 'base' and 'mid'"),
    (joint('a', 'revolute', 'base', 'mid', '<origin xyz="1 2"/>'), ['mid'], "joint 'a': xyz is '1 2'"),
    (joint('a', 'revolute', 'base', 'mid', '<axis xyz="0 0 0"/>'), ['mid'], "joint 'a': axis is zero"),
    ('<joint name="a" type="revolute"><parent link="base"/></joint>', ['mid'], "joint 'a': missing <child link=>"),
    ('<joint', ['mid'], 'not valid XML'),
])
def test_a_urdf_that_does_not_fit_is_refused(tmp_path: Path, joints: str, feet: list[str], text: str) -> None:
    with pytest.raises(ConfigError, match=text) as caught:
        chain(tmp_path, joints, feet)
    assert 'robot.urdf' in str(caught.value)


def test_a_missing_file_and_another_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='none.urdf: cannot be read'):
        FootKinematics(tmp_path / 'none.urdf', 'base', ['tip'], ['a'])
    (tmp_path / 'scene.xml').write_text('<mujoco/>')
    with pytest.raises(ConfigError, match="root element is 'mujoco', not 'robot'"):
        FootKinematics(tmp_path / 'scene.xml', 'base', ['tip'], ['a'])
