import array
import math

import pytest

from dreamer_drivers.joint_states import JointReader
from dreamer_drivers.simulation import roll_pitch
from dreamer_drivers.steps import Order, StepOrder
from dreamer_node.refusals import Refused


def test_joints_are_found_by_name_in_any_order() -> None:
    reader = JointReader(['a', 'b'])
    first = reader.read(1.5, ['b', 'c', 'a'], array.array('d', [2, 3, 1]), array.array('d', [20, 30, 10]))
    assert (first.stamp, first.position.tolist(), first.velocity.tolist()) == (1.5, [1, 2], [10, 20])
    second = reader.read(2.0, ['a', 'b'], [5, 6], [])
    assert (second.position.tolist(), second.velocity.tolist()) == ([5, 6], [0, 0])


@pytest.mark.parametrize(('names', 'position', 'velocity', 'text'), [
    (['a', 'c'], [1, 2], [], "'b' is missing"),
    ([], [], [], "'a', 'b' is missing"),
    (['a', 'b', 'a'], [1, 2, 3], [], "'a' is there 2 times"),
    (['a', 'b'], [1], [], 'position has 1 values for 2'),
    (['a', 'b'], [1, 2, 3], [], 'position has 3 values for 2'),
    (['a', 'b'], [1, 2], [1], 'velocity has 1 values for 2'),
])
def test_unusable_joint_states(names: list, position: list, velocity: list, text: str) -> None:
    reader = JointReader(['a', 'b'])
    with pytest.raises(Refused, match=text):
        reader.read(0.0, names, position, velocity)
    assert reader.read(0.0, ['b', 'a'], [1, 2], []).position.tolist() == [2, 1]


def test_velocities_that_are_needed_may_not_be_missing() -> None:
    reader = JointReader(['a', 'b'], needs_velocity=True)
    with pytest.raises(Refused, match='no velocity, without which max_torque cannot be kept'):
        reader.read(0.0, ['a', 'b'], [1, 2], [])
    assert reader.read(0.0, ['a', 'b'], [1, 2], [3, 4]).velocity.tolist() == [3, 4]


def test_order_of_steps() -> None:
    order = StepOrder()
    assert order.judge(7, 3) is Order.NEW
    assert order.judge(7, 3) is Order.NEW
    order.answered(7, 3)
    assert order.judge(7, 3) is Order.RETRY
    assert order.judge(7, 2) is Order.OLD
    assert order.judge(7, 9) is Order.NEW
    assert order.judge(8, 0) is Order.NEW


def test_roll_and_pitch() -> None:
    half = math.sqrt(0.5)
    assert roll_pitch(0, 0, 0, 1) == (0, 0)
    assert roll_pitch(half, 0, 0, half) == pytest.approx((math.pi / 2, 0))
    assert roll_pitch(0, half, 0, half)[1] == pytest.approx(math.pi / 2)
    assert abs(roll_pitch(1, 0, 0, 0)[0]) == pytest.approx(math.pi)
    # Yaw changes neither.
    assert roll_pitch(0, 0, half, half) == pytest.approx((0, 0))
    assert all(math.isnan(angle) for angle in roll_pitch(0, 0, 0, 0))
