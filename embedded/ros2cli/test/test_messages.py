"""Messages from values and to text."""

from __future__ import annotations

import pytest
from geometry_msgs.msg import PoseStamped, PoseWithCovariance
from sensor_msgs.msg import Image, JointState, PointField
from std_msgs.msg import Bool, Byte, ByteMultiArray, Float64, Header, Int8, MultiArrayLayout, String, UInt8, UInt8MultiArray
from unique_identifier_msgs.msg import UUID

from ros2cli.command import CommandError
from ros2cli.conversion import Shortening, message_to_csv, message_to_dict, message_to_yaml
from ros2cli.filling import fill, read_values


def test_fill_nested_and_back() -> None:
    message = PoseStamped()
    values = {'header': {'frame_id': 'map'}, 'pose': {'position': {'x': 1, 'y': '1e-3'}}}
    assert fill(message, values) == []
    plain = message_to_dict(message)
    assert plain['header']['frame_id'] == 'map'
    assert plain['pose']['position'] == {'x': 1.0, 'y': 0.001, 'z': 0.0}
    assert list(plain) == ['header', 'pose']


def test_fill_arrays() -> None:
    state = JointState()
    fill(state, {'name': ['a', 'b'], 'position': [1, 2.5]})
    assert (state.name, list(state.position)) == (['a', 'b'], [1.0, 2.5])
    layout = MultiArrayLayout()
    fill(layout, {'dim': [{'label': 'row', 'size': 3}]})
    assert (layout.dim[0].label, layout.dim[0].size) == ('row', 3)
    byte = Byte()
    fill(byte, {'data': 7})
    assert byte.data == b'\x07'
    number = Int8()
    fill(number, {'data': '-7'})
    assert number.data == -7


def test_binary_values_fill_arrays_of_bytes() -> None:
    values = read_values('data: !!binary AQL/')
    octets = ByteMultiArray()
    fill(octets, values)
    assert octets.data == [b'\x01', b'\x02', b'\xff']
    numbers = UInt8MultiArray()
    fill(numbers, values)
    assert list(numbers.data) == [1, 2, 255]
    identity = UUID()
    fill(identity, {'uuid': bytes(range(16))})
    assert list(identity.uuid) == list(range(16))


def test_now_and_auto_stand_for_the_time_of_sending() -> None:
    stamp = Header().stamp
    stamp.sec = 5
    message = PoseStamped()
    [set_time] = fill(message, {'header': 'auto'}, expand_time=True)
    set_time(stamp)
    assert message.header.stamp.sec == 5
    header = Header()
    [set_time] = fill(header, {'stamp': 'now'}, expand_time=True)
    set_time(stamp)
    assert header.stamp.sec == 5


@pytest.mark.parametrize(
    ('message', 'values', 'reason'),
    [
        (PoseStamped(), {'pose': {'positon': {}}}, "Pose has no field 'positon'; did you mean 'position'?"),
        (PoseStamped(), {'pose': {'position': {'x': 'far'}}}, "'pose.position.x' takes a number, not 'far'"),
        (PoseStamped(), {'pose': 3}, "'pose' takes a dictionary of Pose's fields, not 3"),
        (PoseWithCovariance(), {'covariance': [0.0]}, "'covariance' takes 36 elements, not 1"),
        (JointState(), {'position': 'x'}, "'position' takes a list, not 'x'"),
        (JointState(), {'position': b'x'}, "'position' takes a list, not b'x'"),
        (UUID(), {'uuid': b'x'}, "'uuid' takes 16 elements, not 1"),
        (JointState(), {'name': ['a', None]}, "'name[1]' takes a string, not None"),
        (Bool(), {'data': 'yes please'}, "'data' takes true or false, not 'yes please'"),
        (Int8(), {'data': 128}, "'data' takes int8, -128 to 127, not 128"),
        (UInt8(), {'data': 1.5}, "'data' takes a whole number (uint8), not 1.5"),
        (Float64(), {'data': True}, "'data' takes a number, not True"),
    ],
)
def test_misfits_name_the_field(message: object, values: dict[str, object], reason: str) -> None:
    with pytest.raises(CommandError) as caught:
        fill(message, values)
    assert str(caught.value) == f'Failed to populate field: {reason}'


def test_read_values() -> None:
    assert read_values('') == {}
    assert read_values('{a: 1}') == {'a': 1}
    for text in ('[1, 2]', 'a: [', 'word'):
        with pytest.raises(CommandError):
            read_values(text)


def test_shortening() -> None:
    image = Image(encoding='rgb8', data=bytes(range(200)))
    short = message_to_dict(image, Shortening(length=3))
    assert short['data'] == [0, 1, 2, '...']
    assert short['encoding'] == 'rgb...'
    assert message_to_dict(image, Shortening(no_arr=True))['data'] == '<sequence type: uint8, length: 200>'
    assert message_to_dict(image, Shortening(no_str=True))['encoding'] == '<string length: <4>>'
    fixed = message_to_dict(PoseWithCovariance(), Shortening(no_arr=True))
    assert fixed['covariance'] == '<array type: double[36]>'


def test_text_forms() -> None:
    header = Header(frame_id='map')
    assert message_to_yaml(header) == 'stamp:\n  sec: 0\n  nanosec: 0\nframe_id: map\n'
    state = JointState(name=['a', 'b'], header=header)
    assert message_to_yaml(state, flow_style=True) == (
        'header:\n  stamp:\n    sec: 0\n    nanosec: 0\n  frame_id: map\nname: [a, b]\nposition: []\nvelocity: []\neffort: []\n'
    )
    assert message_to_csv(header) == '0,0,map'


def test_csv_has_no_comma_before_its_first_text() -> None:
    assert message_to_csv(PointField(offset=3)) == '3,0,0'
    assert message_to_csv(PointField(name='x')) == 'x,0,0,0'
    state = JointState(name=['', 'b', ''])
    assert message_to_csv(state) == '0,0,,b,,,,'
    assert message_to_csv(state, Shortening(length=2)) == '0,0,,b,...,,,'
    assert message_to_csv(String()) == ''
    assert message_to_csv(UInt8MultiArray(data=[1]), Shortening(length=0)) == '0,...'
