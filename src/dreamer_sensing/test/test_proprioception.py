"""Joints by name, orientation, the observation vector."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dreamer_node.refusals import Refused
from dreamer_sensing.proprioception import (
    JointReader,
    proprioception,
    read_imu,
    roll_pitch,
    rotation_matrix,
    wrap,
)

JOINTS = ['hip', 'knee', 'ankle']
ZERO = [0.0, 0.0, 0.0]


def test_joints_are_brought_into_the_robots_order() -> None:
    reading = JointReader(JOINTS).read(['ankle', 'hip', 'knee'], [3.0, 1.0, 2.0], [0.3, 0.1, 0.2], [30.0, 10.0, 20.0])
    assert reading.position.tolist() == [1.0, 2.0, 3.0]
    assert reading.velocity.tolist() == [0.1, 0.2, 0.3]
    assert reading.effort.tolist() == [10.0, 20.0, 30.0]


def test_joints_of_others_are_left_out_and_named() -> None:
    reader = JointReader(JOINTS)
    reading = reader.read(['tail', *JOINTS, 'head'], [math.nan, 1.0, 2.0, 3.0, 9.0], [9.0, *ZERO, 9.0], [9.0, *ZERO, 9.0])
    assert reading.position.tolist() == [1.0, 2.0, 3.0]
    assert reading.effort.tolist() == ZERO
    assert reader.order.extra == ['tail', 'head']
    assert reader.read(JOINTS, [1.0, 2.0, 3.0], ZERO, ZERO).position.tolist() == [1.0, 2.0, 3.0]
    assert reader.order.extra == []


@pytest.mark.parametrize('kind', ['velocity', 'effort'])
def test_missing_motion_is_an_error_only_where_it_is_needed(kind: str) -> None:
    arrays = {'velocity': ZERO, 'effort': ZERO} | {kind: []}
    with pytest.raises(Refused, match=f"no {kind}, which velocity_source 'estimate' needs") as caught:
        JointReader(JOINTS).read(JOINTS, [1.0, 2.0, 3.0], **arrays)
    assert caught.value.cause == f'no_{kind}'
    reading = JointReader(JOINTS, needs_motion=False).read(JOINTS, [1.0, 2.0, 3.0], **arrays)
    assert getattr(reading, kind).tolist() == ZERO


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('kind', ['position', 'velocity', 'effort'])
def test_values_that_are_not_finite_are_refused_with_the_joints_name(kind: str, value: float) -> None:
    arrays = {'position': ZERO, 'velocity': ZERO, 'effort': ZERO} | {kind: [0.0, value, 0.0]}
    with pytest.raises(Refused, match=f"{kind} of joint 'knee'") as caught:
        JointReader(JOINTS).read(JOINTS, **arrays)
    assert caught.value.cause == 'not_finite'


def test_rotation_of_a_quarter_turn_about_each_axis() -> None:
    half = math.sqrt(0.5)
    np.testing.assert_allclose(rotation_matrix((half, 0, 0, half)) @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(rotation_matrix((0, half, 0, half)) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation_matrix((0, 0, half, half)) @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_rotation_is_orthonormal_for_a_quaternion_that_is_slightly_off() -> None:
    rotation = rotation_matrix((0.1 * 1.004, 0.2 * 1.004, 0.3 * 1.004, math.sqrt(0.86) * 1.004))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize('quaternion', [(0, 0, 0, 0), (0, 0, 0, 2), (math.nan, 0, 0, 1), (math.inf, 0, 0, 0)])
def test_an_unusable_orientation_is_refused(quaternion: tuple[float, ...]) -> None:
    with pytest.raises(Refused, match='not a unit quaternion') as caught:
        rotation_matrix(quaternion)
    assert caught.value.cause == 'orientation'


@pytest.mark.parametrize(('roll', 'pitch', 'yaw'), [(0.3, -0.5, 2.0), (-3.0, 0.2, -1.0), (0.0, 1.2, 0.0), (3.1, 0.0, 0.5)])
def test_roll_and_pitch_come_back_whatever_the_yaw(roll: float, pitch: float, yaw: float) -> None:
    def about(axis: int, angle: float) -> np.ndarray:
        quaternion = [0.0, 0.0, 0.0, math.cos(angle / 2)]
        quaternion[axis] = math.sin(angle / 2)
        return rotation_matrix(quaternion)

    rotation = about(2, yaw) @ about(1, pitch) @ about(0, roll)
    assert roll_pitch(rotation) == pytest.approx((roll, pitch), abs=1e-9)


def test_wrapping() -> None:
    turn = 2 * math.pi
    np.testing.assert_allclose(wrap(np.array([0.0, 3.2, -3.2, 7.0])), [0.0, 3.2 - turn, turn - 3.2, 7.0 - turn])


def test_the_observation_vector_by_hand() -> None:
    # On its back with the nose 0.1 rad down: roll pi, pitch 0.1.
    upside_down = rotation_matrix((0, math.sin(0.05), 0, math.cos(0.05))) @ np.diag([1.0, -1.0, -1.0])
    position = np.array([0.1, -0.2, 4.0])
    vector = proprioception(position, upside_down, np.array([0.5, -0.6, 0.7]))
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, [0.1, -0.2, 4.0 - 2 * math.pi, math.pi, 0.1, 0.5, -0.6], atol=1e-6)


def test_imu_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(Refused, match='angular_velocity'):
        read_imu((0, 0, 0, 1), (0.0, math.nan, 0.0), (0.0, 0.0, 9.81))
    with pytest.raises(Refused, match='linear_acceleration'):
        read_imu((0, 0, 0, 1), (0.0, 0.0, 0.0), (0.0, 0.0, math.inf))
