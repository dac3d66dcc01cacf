"""Messages and readings: joint order, refused commands, the lockstep gate."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from dreamer_interfaces.msg import JointCommand
from dreamer_mujoco.config import CameraConfig
from dreamer_mujoco.lockstep import LockstepGate
from dreamer_mujoco.messages import CameraMessages, CommandReader, SensorMessages
from dreamer_mujoco.servo import Command
from dreamer_mujoco.simulation import SensorReading
from dreamer_node.refusals import Refused

JOINTS = ['hip', 'thigh', 'calf']


def joint_command(names: Sequence[str] = JOINTS, **changes: Any) -> JointCommand:
    message = JointCommand(name=list(names), duration=0.05, max_deviation=0.2)
    for index, field in enumerate(('position', 'velocity', 'effort', 'kp', 'kd')):
        setattr(message, field, [10.0 * index + item for item in range(len(names))])
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_command_is_read_in_the_robots_order() -> None:
    reader = CommandReader(JOINTS)
    straight = reader.read(joint_command())
    assert straight.position.tolist() == [0, 1, 2]
    assert straight.kd.tolist() == [40, 41, 42]
    assert (straight.duration, straight.max_deviation) == (0.05, 0.2)
    for _ in range(2):
        turned = reader.read(joint_command(names=['calf', 'hip', 'thigh']))
        assert turned.position.tolist() == [1, 2, 0]
        assert turned.effort.tolist() == [21, 22, 20]


@pytest.mark.parametrize(
    ('message', 'cause', 'words'),
    [
        (joint_command(names=['hip', 'thigh', 'knee']), 'unknown_joint', "unknown joint 'knee'"),
        (joint_command(names=['hip', 'thigh']), 'missing_joint', 'calf'),
        (joint_command(names=['hip', 'thigh', 'calf', 'hip']), 'repeated_joint', "'hip' is there 2 times"),
        (joint_command(names=[]), 'missing_joint', "'hip', 'thigh', 'calf'"),
        (joint_command(kp=[1.0]), 'length', 'kp has 1 values for 3'),
        (joint_command(position=[0.0, math.nan, 0.0]), 'value', 'position is not finite'),
        (joint_command(kd=[0.0, math.inf, 0.0]), 'value', 'kd is not finite'),
        (joint_command(duration=-0.1), 'value', 'duration'),
        (joint_command(kp=[-1.0, 0.0, 0.0]), 'value', 'at least 0'),
    ],
)
def test_faulty_messages_are_refused_with_their_cause(message: JointCommand, cause: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as error:
        CommandReader(JOINTS).read(message)
    assert error.value.cause == cause


def reading(stamp: int = 1_500_000_000) -> SensorReading:
    return SensorReading(
        stamp,
        joint_position=np.array([1.0, 2, 3]),
        joint_velocity=np.array([4.0, 5, 6]),
        joint_effort=np.array([7.0, 8, 9]),
        orientation=np.array([0.1, 0.2, 0.3, 0.9]),
        angular_velocity=np.array([0.4, 0.5, 0.6]),
        linear_acceleration=np.array([0.7, 0.8, 9.8]),
        base_position=np.array([1.0, 2, 3]),
        base_orientation=np.array([0.0, 0, 0, 1]),
        base_linear_velocity=np.array([0.1, 0.2, 0.3]),
        base_angular_velocity=np.array([0.4, 0.5, 0.6]),
    )


def test_reading_becomes_messages_of_one_stamp() -> None:
    messages = SensorMessages(JOINTS, 'trunk', 'imu_link', (0.1, 0.2, 0.3))
    messages.fill(reading(stamp=1))
    messages.fill(reading())
    messages.fill_truth(reading())
    headers = [messages.joints.header, messages.imu.header, messages.odometry.header, messages.transform.transforms[0].header]
    assert {(header.stamp.sec, header.stamp.nanosec) for header in headers} == {(1, 500_000_000)}
    assert (messages.clock.clock.sec, messages.clock.clock.nanosec) == (1, 500_000_000)
    assert list(messages.joints.name) == JOINTS
    assert list(messages.joints.position) == [1, 2, 3]
    assert list(messages.joints.velocity) == [4, 5, 6]
    assert list(messages.joints.effort) == [7, 8, 9]
    assert (messages.imu.orientation.x, messages.imu.orientation.w) == (0.1, 0.9)
    assert messages.imu.angular_velocity.z == 0.6
    assert messages.imu.linear_acceleration.z == 9.8
    assert messages.imu.angular_velocity_covariance[4] == 0.2
    assert (messages.imu.header.frame_id, messages.joints.header.frame_id) == ('imu_link', 'trunk')
    pose = messages.transform.transforms[0]
    assert (pose.header.frame_id, pose.child_frame_id) == ('odom', 'trunk')
    assert (pose.transform.translation.y, pose.transform.rotation.w) == (2.0, 1.0)
    assert messages.odometry.twist.twist.linear.y == 0.2
    assert messages.odometry.twist.twist.angular.z == 0.6
    assert messages.odometry.pose.pose.position.z == 3.0


def test_camera_is_an_ideal_pinhole() -> None:
    messages = CameraMessages(CameraConfig('eye', width=8, height=4, field_of_view=math.pi / 2))
    image = np.arange(8 * 4 * 3, dtype=np.uint8).reshape(4, 8, 3)
    messages.fill(image, 2_000_000_001)
    assert (messages.image.width, messages.image.height, messages.image.step) == (8, 4, 24)
    assert bytes(messages.image.data) == image.tobytes()
    assert (messages.image.encoding, messages.image.header.frame_id) == ('rgb8', 'eye')
    # 90 degrees over 4 rows: focal length 2; the centre in the middle.
    assert messages.info.k == pytest.approx([2, 0, 4, 0, 2, 2, 0, 0, 1])
    assert messages.info.header.stamp == messages.image.header.stamp


def test_gate_waits_for_answer_clock_learner_and_person() -> None:
    zero = np.zeros(1)
    command = Command(zero, zero, zero, zero, zero)
    gate = LockstepGate(stamp=7, paced=True, limit=4, due=False)
    assert not gate.answers(6)
    assert gate.answers(7)
    assert (gate.ready, gate.waits_for) == (False, 'joint_command')
    gate.offer(command, step=3)
    assert not gate.answers(7)
    # A stop is in time as long as the answer waits.
    assert gate.answers(7, acts=False)
    assert not gate.answers(6, acts=False)
    assert (gate.ready, gate.waits_for) == (False, 'the wall clock')
    gate.due = True
    assert (gate.ready, gate.waits_for) == (False, 'step_limit')
    gate.limit = 5
    gate.paused = True
    assert (gate.ready, gate.waits_for) == (False, 'set_pause')
    gate.paused = False
    assert gate.ready
    gate.published(stamp=8)
    assert not gate.ready
    assert gate.answers(8)
    assert not gate.due
