"""The types must be those of stock ROS 2: same fields in the same order, and the same type hash on the wire."""

import json
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_share_directory
from tf2_msgs.action import LookupTransform
from tf2_msgs.msg import TF2Error, TFMessage
from tf2_msgs.srv import FrameGraph


@pytest.mark.parametrize(
    ('interface', 'fields'),
    [
        (TFMessage, {'transforms': 'sequence<geometry_msgs/TransformStamped>'}),
        (TF2Error, {'error': 'uint8', 'error_string': 'string'}),
        (FrameGraph.Request, {}),
        (FrameGraph.Response, {'frame_yaml': 'string'}),
        (
            LookupTransform.Goal,
            {
                'target_frame': 'string',
                'source_frame': 'string',
                'source_time': 'builtin_interfaces/Time',
                'timeout': 'builtin_interfaces/Duration',
                'target_time': 'builtin_interfaces/Time',
                'fixed_frame': 'string',
                'advanced': 'boolean',
            },
        ),
        (LookupTransform.Result, {'transform': 'geometry_msgs/TransformStamped', 'error': 'tf2_msgs/TF2Error'}),
        (LookupTransform.Feedback, {}),
    ],
)
def test_fields(interface: type, fields: dict[str, str]) -> None:
    assert list(interface.get_fields_and_field_types().items()) == list(fields.items())


@pytest.mark.parametrize(
    ('name', 'type_hash'),
    [
        ('TFMessage', 'RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087'),
        ('TF2Error', 'RIHS01_db2485e7d6a0ec75bf087e058ee45df682acc3a621ca7780503d10aac141809a'),
    ],
)
def test_type_hash_is_the_one_of_jazzy(name: str, type_hash: str) -> None:
    description = json.loads(Path(get_package_share_directory('tf2_msgs'), 'msg', name + '.json').read_text())
    hashes = {entry['type_name']: entry['hash_string'] for entry in description['type_hashes']}
    assert hashes[f'tf2_msgs/msg/{name}'] == type_hash
