"""URDF parsing and joint poses, against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from robot_state_publisher.kinematics import JointFrame, quaternion_from_rpy, rotate
from robot_state_publisher.urdf import Joint, UrdfError, parse_urdf

LIMIT = '<limit lower="-1" upper="1" effort="1" velocity="1"/>'


def joint(name: str, parent: str, child: str, kind: str = 'fixed', inside: str = '') -> str:
    return f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>{inside}</joint>'


def robot(*joints: str, links: str = 'abc') -> str:
    return '<robot name="r">' + ''.join(f'<link name="{link}"/>' for link in links) + ''.join(joints) + '</robot>'


def test_parses_the_tree() -> None:
    parsed = parse_urdf(robot(
        joint('j', 'a', 'b', 'revolute', f'<origin xyz="1 2 3" rpy="0 0 1"/><axis xyz="0 0 2"/>{LIMIT}'),
        joint('m', 'b', 'c', 'continuous', '<mimic joint="j" multiplier="-2" offset="0.5"/>'),
    ))
    assert (parsed.name, parsed.root, parsed.links) == ('r', 'a', ('a', 'b', 'c'))
    assert parsed.joints['j'].axis == (0.0, 0.0, 1.0)
    assert parsed.joints['j'].xyz == (1.0, 2.0, 3.0)
    assert parsed.joints['m'].axis == (1.0, 0.0, 0.0)
    mimic = parsed.joints['m'].mimic
    assert mimic is not None
    assert (mimic.joint, mimic.multiplier, mimic.offset) == ('j', -2.0, 0.5)


@pytest.mark.parametrize(
    ('xml', 'message'),
    [
        ('', 'it is empty'),
        ('<robot', 'not well-formed XML'),
        ('<sdf/>', 'the outermost element is <sdf>, expected <robot>'),
        ('<robot name="r"/>', 'the robot has no link'),
        (robot(joint('j', 'a', 'b', 'revolut')), "type 'revolut' is unknown (nearest: 'revolute')"),
        (robot(joint('j', 'a', 'b', 'revolute')), "joint 'j': a revolute joint needs a <limit>"),
        (robot(joint('j', 'a', 'x')), "joint 'j': child link 'x' does not exist"),
        (robot(joint('j', 'a', 'b'), joint('j', 'b', 'c')), "two joints are named 'j'"),
        (robot(joint('j', 'a', 'b')), "more than one link has no parent joint: 'a', 'c'"),
        (robot(joint('j', 'a', 'b'), joint('k', 'c', 'b')), "link 'b' is the child of two joints: 'j' and 'k'"),
        (robot(joint('j', 'b', 'c'), joint('k', 'c', 'b')), "these links form a loop: 'b', 'c'"),
        (robot(joint('j', 'a', 'b', inside='<origin xyz="1 2"/>'), links='ab'), "xyz '1 2' has 2 numbers, expected 3"),
        (robot(joint('j', 'a', 'b', inside='<origin rpy="0 0 x"/>'), links='ab'), "'x' is not a number"),
        (robot(joint('j', 'a', 'b', 'continuous', '<axis xyz="0 0 0"/>'), links='ab'), 'the axis has no direction'),
        (robot(joint('j', 'a', 'b', inside='<mimic joint="k"/>'), links='ab'), "mimics joint 'k', which does not exist"),
    ],
)
def test_mistakes_are_named(xml: str, message: str) -> None:
    with pytest.raises(UrdfError) as caught:
        parse_urdf(xml)
    assert message in str(caught.value)


def test_rpy_turns_about_fixed_axes_in_order() -> None:
    # x to itself by roll, to -z by pitch, which yaw leaves alone; y to z by roll, to x by pitch, to y by yaw.
    q = quaternion_from_rpy((math.pi / 2, math.pi / 2, math.pi / 2))
    assert rotate(q, (1.0, 0.0, 0.0)) == pytest.approx((0.0, 0.0, -1.0))
    assert rotate(q, (0.0, 1.0, 0.0)) == pytest.approx((0.0, 1.0, 0.0))


def test_revolute_pose() -> None:
    frame = JointFrame.of(Joint('j', 'revolute', 'a', 'b', (1.0, 0.0, 0.0), (0.0, 0.0, math.pi / 2), (1.0, 0.0, 0.0)))
    translation, rotation = frame.pose(math.pi / 2)
    assert translation == (1.0, 0.0, 0.0)
    # The child's y turns to z about its own x; yaw leaves z.
    assert rotate(rotation, (0.0, 1.0, 0.0)) == pytest.approx((0.0, 0.0, 1.0))
    assert rotate(rotation, (1.0, 0.0, 0.0)) == pytest.approx((0.0, 1.0, 0.0))


def test_prismatic_pose_moves_along_the_turned_axis() -> None:
    frame = JointFrame.of(Joint('j', 'prismatic', 'a', 'b', (1.0, 0.0, 0.0), (0.0, 0.0, math.pi / 2), (1.0, 0.0, 0.0)))
    translation, rotation = frame.pose(0.5)
    assert translation == pytest.approx((1.0, 0.5, 0.0))
    assert rotation == frame.rotation
