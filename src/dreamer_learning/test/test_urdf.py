import math
from pathlib import Path

import numpy as np
import pytest

from dreamer_learning.config import ConfigError
from dreamer_learning.urdf import Urdf

URDF = """<robot name="r">
  <link name="a"/><link name="b"/>
  <joint name="left_hip_joint" type="revolute"><limit lower="-0.5" upper="1.5" effort="33" velocity="21"/></joint>
  <joint name="wheel" type="continuous"/>
  <joint name="free_wheel" type="continuous"><limit effort="5" velocity="7"/></joint>
  <joint name="slide" type="prismatic"><limit upper="0.3" effort="5" velocity="7"/></joint>
  <joint name="foot" type="fixed"/>
  <joint name="bare" type="revolute"/>
  <joint name="words" type="revolute"><limit lower="low" upper="1" effort="nan"/></joint>
  <joint name="swapped" type="revolute"><limit lower="2" upper="1"/></joint>
</robot>"""


@pytest.fixture
def urdf(tmp_path: Path) -> Urdf:
    path = tmp_path / 'r.urdf'
    path.write_text(URDF)
    return Urdf(path)


@pytest.mark.parametrize(('joint', 'limits', 'effort'), [
    ('left_hip_joint', (-0.5, 1.5), 33.0),
    ('wheel', (-math.inf, math.inf), 0.0),
    ('free_wheel', (-math.inf, math.inf), 5.0),
    ('slide', (0.0, 0.3), 5.0),
    ('swapped', None, 0.0),
])
def test_limits_are_those_of_the_specification(
    urdf: Urdf, joint: str, limits: tuple[float, float] | None, effort: float
) -> None:
    driven = urdf.driven(joint)
    assert driven.effort == effort
    assert limits is None or driven.limits == limits


def test_limits_in_the_order_of_the_names(urdf: Urdf) -> None:
    lower, upper = urdf.limits(['slide', 'wheel', 'left_hip_joint'])
    assert lower.tolist() == [0.0, -math.inf, -0.5]
    assert upper.tolist() == [0.3, math.inf, 1.5]


def test_speeds_are_known_where_a_joint_cannot_begin_anew_at_a_full_turn(urdf: Urdf) -> None:
    assert urdf.speeds(['slide', 'free_wheel', 'left_hip_joint', 'bare']).tolist() == [7.0, math.inf, 21.0, math.inf]


@pytest.mark.parametrize(('joint', 'value', 'text'), [
    ('left_hip_jont', 'limits', "r.urdf: no joint 'left_hip_jont'; did you mean 'left_hip_joint'"),
    ('foot', 'limits', "'foot': type 'fixed' cannot be driven; allowed: revolute, continuous, prismatic"),
    ('bare', 'limits', "'bare': missing <limit"),
    ('words', 'limits', "'words': limit lower='low' is not a number"),
    ('words', 'effort', "'words': limit effort='nan' is not a number"),
    ('swapped', 'limits', "'swapped': limit lower 2.0 is not below upper 1.0"),
    ('wheel', 'child', "'wheel': missing <child link=>"),
])
def test_values_that_cannot_be_used(urdf: Urdf, joint: str, value: str, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        getattr(urdf.driven(joint), value)
    assert text in str(error.value)


def test_a_joint_without_an_origin_is_where_its_parent_is(urdf: Urdf) -> None:
    joint = urdf.joints['wheel']
    np.testing.assert_array_equal(joint.offset, np.zeros(3))
    np.testing.assert_array_equal(joint.rotation, np.eye(3))
    np.testing.assert_array_equal(joint.axis, [1.0, 0.0, 0.0])


def test_a_missing_link_is_named_with_its_key(urdf: Urdf) -> None:
    urdf.require_link('base_link', 'a')
    with pytest.raises(ConfigError, match=r"r.urdf: base_link: no link 'c'; allowed: a, b"):
        urdf.require_link('base_link', 'c')


@pytest.mark.parametrize(('content', 'text'), [
    ('<robot><joint', 'not valid XML'),
    ('', 'not valid XML'),
    ('<?xml version="1.0" encoding="utf-9"?><robot/>', 'not valid XML: unknown encoding'),
    ('<robot name="M\xfcller"/>', 'not valid XML: not well-formed'),
    ('<sdf/>', "the root element is 'sdf', not 'robot'"),
    ('<robot xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:include filename="a"/></robot>', 'this is xacro; expand it'),
    (None, 'cannot be read: No such file'),
])
def test_files_that_are_no_urdf(tmp_path: Path, content: str | None, text: str) -> None:
    path = tmp_path / 'bad.urdf'
    if content is not None:
        path.write_text(content, encoding='latin-1')
    with pytest.raises(ConfigError, match=f'bad.urdf: .*{text}'):
        Urdf(path)
