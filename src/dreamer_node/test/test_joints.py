"""Joints by name."""

import numpy as np
import pytest

from dreamer_node.joints import JointOrder
from dreamer_node.refusals import Refused

JOINTS = ['hip', 'knee', 'ankle']


def arranged(order: JointOrder, names: list[str]) -> list[float]:
    """What the values 0, 1, 2, ... become."""
    order.follow(names)
    return order.arrange('position', np.arange(float(len(names)))).tolist()


def test_the_order_may_change_from_message_to_message() -> None:
    order = JointOrder(JOINTS)
    assert arranged(order, JOINTS) == [0.0, 1.0, 2.0]
    for _ in range(2):
        assert arranged(order, ['ankle', 'hip', 'tail', 'knee', 'tail']) == [1.0, 3.0, 0.0]
        assert order.extra == ['tail', 'tail']
    assert arranged(order, JOINTS) == [0.0, 1.0, 2.0]
    assert order.extra == []


@pytest.mark.parametrize(('names', 'exact', 'cause', 'text'), [
    (['hip', 'ankel'], False, 'missing_joint', "joint 'knee', 'ankle' is missing in the message; allowed: ankel, hip"),
    ([], False, 'missing_joint', "'hip', 'knee', 'ankle' is missing"),
    (['hip', 'knee', 'knee'], False, 'repeated_joint', "joint 'knee' is there 2 times"),
    ([*JOINTS, 'knee'], True, 'repeated_joint', "joint 'knee' is there 2 times"),
    (['hip', 'knee', 'ankel'], True, 'unknown_joint', "unknown joint 'ankel'; did you mean 'ankle'"),
])
def test_names_that_do_not_fit_are_refused_and_change_nothing(names: list[str], exact: bool, cause: str, text: str) -> None:
    order = JointOrder(JOINTS, exact)
    for _ in range(2):
        with pytest.raises(Refused, match=text) as caught:
            order.follow(names)
        assert caught.value.cause == cause
    assert arranged(order, JOINTS[::-1]) == [2.0, 1.0, 0.0]


def test_an_array_needs_one_value_for_each_name() -> None:
    order = JointOrder(JOINTS)
    order.follow(['tail', *JOINTS])
    with pytest.raises(Refused, match='effort has 3 values for 4 joint names') as caught:
        order.arrange('effort', [1.0, 2.0, 3.0])
    assert caught.value.cause == 'length'
