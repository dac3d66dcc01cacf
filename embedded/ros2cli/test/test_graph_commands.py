"""What `ros2 node`, `topic`, `service`, `param`, `lifecycle` and `action` print about a running node."""

from __future__ import annotations

import re

import pytest
from conftest import Ros2
from rcl_interfaces.msg import ParameterType

from ros2cli.graph import FIND_SECONDS, NodeName, patience
from ros2cli.param_client import from_file, from_text

pytestmark = pytest.mark.usefixtures('talker')
QUICK = ('--spin-time', '3.5')   # a wait for what is not there, in which even a busy machine sees the nodes that are


def test_lists(ros2: Ros2) -> None:
    assert ros2('node', 'list', *QUICK).stdout.splitlines() == ['/demo/managed', '/demo/talker']
    topics = ros2('topic', 'list', '-t', *QUICK).stdout.splitlines()
    assert '/demo/chatter [std_msgs/msg/String]' in topics
    assert '/demo/in [std_msgs/msg/Int32]' in topics
    assert topics == sorted(topics)
    assert not any('_action' in line for line in topics)
    assert '/demo/set [std_srvs/srv/SetBool]' in ros2('service', 'list', '-t', *QUICK).stdout
    assert ros2('action', 'list', '-t', *QUICK).stdout == '/demo/lookup [tf2_msgs/action/LookupTransform]\n'
    assert ros2('topic', 'find', 'sensor_msgs/JointState', *QUICK).stdout == '/demo/joint_states\n'


def test_hidden_names_are_asked_for_before_or_after_the_verb(ros2: Ros2) -> None:
    for command, name in (('topic', '/demo/lookup/_action/feedback'), ('service', '/demo/lookup/_action/send_goal')):
        option = f'--include-hidden-{command}s'
        for arguments in ((command, option, 'list'), (command, 'list', option)):
            assert name in ros2(*arguments, *QUICK).stdout.splitlines()


def test_no_time_to_wait(ros2: Ros2) -> None:
    assert ros2('node', 'list', '--spin-time', '0').returncode == 0
    # What is there is waited for as long as the discovery may take.
    found = ros2('param', 'get', '/demo/talker', 'sub.flag', '--timeout', '0', '--spin-time', '20')
    assert found.stdout.startswith('Boolean value is: ')
    assert ros2('topic', 'list', '--spin-time', '-1').returncode == 2
    assert (patience(0.0), patience(None)) == (0.0, FIND_SECONDS)


def test_warnings_of_a_topic_go_to_stdout_as_in_the_stock_command(ros2: Ros2) -> None:
    result = ros2('topic', 'echo', '/nobody', '--spin-time', '0')
    assert result.returncode == 1
    assert result.stdout == 'WARNING: topic [/nobody] does not appear to be published yet\n'
    assert result.stderr.startswith("Could not determine the type for the passed topic '/nobody'")


def test_node_info(ros2: Ros2) -> None:
    lines = ros2('node', 'info', '/demo/talker').stdout.splitlines()
    assert lines[0] == '/demo/talker'
    titles = [line.strip() for line in lines if line.endswith(':')]
    assert titles == [
        'Subscribers:', 'Publishers:', 'Service Servers:', 'Service Clients:', 'Action Servers:', 'Action Clients:'
    ]
    assert '    /demo/chatter: std_msgs/msg/String' in lines


def test_topic_info(ros2: Ros2) -> None:
    assert ros2('topic', 'info', '/demo/chatter').stdout == (
        'Type: std_msgs/msg/String\nPublisher count: 1\nSubscription count: 0\n'
    )
    verbose = ros2('topic', 'info', '-v', '/demo/chatter').stdout
    assert 'Node name: talker\nNode namespace: /demo\nTopic type: std_msgs/msg/String\n' in verbose
    assert 'Reliability: RELIABLE' in verbose


def test_unknown_names_get_the_nearest_one(ros2: Ros2) -> None:
    # One process each, but the waits for what is not there run out at a shorter --spin-time.
    for arguments, message in (
        (('topic', 'type', '/demo/chater', *QUICK), "Unknown topic '/demo/chater'; did you mean '/demo/chatter'?"),
        (
            ('param', 'get', '/demo/talkr', 'rate', '--timeout', '2'),
            "Node not found: '/demo/talkr'; did you mean '/demo/talker'?",
        ),
        (('node', 'info', '/demo/talkr', *QUICK), "Unable to find node '/demo/talkr'; did you mean '/demo/talker'?"),
        (('service', 'info', '/demo/st', *QUICK), "Unknown service '/demo/st'; did you mean '/demo/set'?"),
        (
            ('param', 'get', '/demo/talker', 'rat'),
            "Parameter not set: '/demo/talker' has no parameter 'rat'; did you mean 'rate'?",
        ),
    ):
        result = ros2(*arguments)
        assert (result.returncode, result.stderr.strip()) == (1, message)


def test_types_that_are_not_installed_are_looked_for_all_the_same(ros2: Ros2) -> None:
    for command in ('topic', 'service'):
        result = ros2(command, 'find', 'nowhere/Strange', *QUICK)
        assert (result.returncode, result.stdout) == (0, '')
        assert "'nowhere/Strange' is not installed" in result.stderr


def test_service_info(ros2: Ros2) -> None:
    assert ros2('service', 'info', '/demo/set').stdout == 'Type: std_srvs/srv/SetBool\nClients count: 0\nServices count: 1\n'


def test_echo(ros2: Ros2) -> None:
    assert ros2('topic', 'echo', '--once', '/demo/latched').stdout == 'data: kept\n---\n'
    state = ros2('topic', 'echo', '--once', '/demo/joint_states', '--no-arr').stdout
    assert "position: '<sequence type: double, length: 2>'" in state
    row = ros2('topic', 'echo', '--once', '--csv', '/demo/joint_states').stdout
    assert re.fullmatch(r'\d+,\d+,,a,b,1\.0,2\.0,,\n', row)
    stamp = ros2('topic', 'echo', '--once', '/demo/joint_states', '--field', 'header.stamp').stdout
    assert re.fullmatch(r'sec: \d+\nnanosec: \d+\n---\n', stamp)
    wrong = ros2('topic', 'echo', '--once', '/demo/joint_states', '--field', 'postion')
    assert (wrong.returncode, wrong.stderr) == (
        1, "Invalid field 'postion': JointState has no 'postion'; did you mean 'position'?\n"
    )


def test_service_call(ros2: Ros2) -> None:
    done = ros2('service', 'call', '/demo/set', 'std_srvs/srv/SetBool', '{data: true}')
    assert done.returncode == 0
    assert 'requester: making request: std_srvs.srv.SetBool_Request(data=True)\n\n' in done.stdout
    assert "response:\nstd_srvs.srv.SetBool_Response(success=True, message='set')\n\n" in done.stdout
    wrong = ros2('service', 'call', '/demo/set', 'std_srvs/srv/Trigger')
    assert (wrong.returncode, wrong.stderr) == (
        1, "Service '/demo/set' is of the type std_srvs/srv/SetBool, not std_srvs/srv/Trigger\n"
    )


def test_parameters(ros2: Ros2, tmp_path) -> None:
    assert ros2('param', 'get', '/demo/talker', 'names').stdout == "String values are: ['a', 'b']\n"
    assert ros2('param', 'set', '/demo/talker', 'rate', '30.0').stdout == 'Set parameter successful\n'
    assert ros2('param', 'get', 'demo/talker', 'rate').stdout == 'Double value is: 30.0\n'
    refused = ros2('param', 'set', '/demo/talker', 'rate', '1000.0')
    assert refused.returncode == 0
    assert refused.stderr.startswith('Setting parameter failed: ')
    kept_parameter = ros2('param', 'delete', '/demo/talker', 'rate')
    assert (kept_parameter.returncode, kept_parameter.stdout) == (0, '')
    assert kept_parameter.stderr.startswith('Deleting parameter failed: ')
    dump = ros2('param', 'dump', '/demo/talker').stdout
    assert dump.startswith('/demo/talker:\n  ros__parameters:\n')
    assert '    sub:\n      flag: true\n' in dump
    assert ros2('param', 'get', '/demo/talker', 'octets').stdout == "Byte values are: [b'\\x01', b'\\x02']\n"
    kept = tmp_path / 'dump.yaml'
    kept.write_text(dump)
    loaded = ros2('param', 'load', '/demo/talker', str(kept))
    assert 'Set parameter octets successful\n' in loaded.stdout
    assert loaded.stderr.startswith('Set parameter start_type_description_service failed: ')
    assert loaded.returncode == 0
    file = tmp_path / 'parameters.yaml'
    file.write_text('/**:\n  ros__parameters: {rate: 5.0}\n/demo/talker:\n  ros__parameters: {sub: {flag: false}}\n')
    assert ros2('param', 'load', '/demo/talker', str(file)).stdout == (
        'Set parameter rate successful\nSet parameter sub.flag successful\n'
    )
    assert '  rate (type: double)\n' in ros2('param', 'list', '/demo/talker', '--param-type').stdout
    assert '    Max value: 100.0\n' in ros2('param', 'describe', '/demo/talker', 'rate').stdout
    unknown = ros2('param', 'describe', '/demo/talker', 'rat')
    assert (unknown.returncode, unknown.stdout) == (0, '')
    assert "no parameter 'rat'; did you mean 'rate'?" in unknown.stderr


def test_a_null_value_leaves_the_other_parameters_of_a_file_alone(ros2: Ros2, tmp_path) -> None:
    file = tmp_path / 'null.yaml'
    file.write_text('/demo/talker:\n  ros__parameters: {names: null, rate: 7.0}\n')
    [names, rate] = from_file(file, NodeName('talker', '/demo'))
    assert (names.value.type, rate.value.double_value) == (ParameterType.PARAMETER_NOT_SET, 7.0)
    loaded = ros2('param', 'load', '/demo/talker', str(file))
    assert (loaded.returncode, loaded.stdout) == (0, 'Set parameter rate successful\n')
    assert loaded.stderr.startswith('Set parameter names failed: ')
    # On the command line it is a word, as in the stock command.
    assert from_text('names', 'null').value.string_value == 'null'


def test_lifecycle(ros2: Ros2) -> None:
    assert ros2('lifecycle', 'nodes').stdout == '/demo/managed\n'
    assert ros2('lifecycle', 'get', '/demo/managed').stdout == 'unconfigured [1]\n'
    unknown = ros2('lifecycle', 'set', '/demo/managed', 'activate')
    assert unknown.returncode == 1
    assert 'available ones are:\n- configure [1]\n- shutdown [5]\n' in unknown.stderr
    assert ros2('lifecycle', 'set', '/demo/managed', 'configure').stdout == 'Transitioning successful\n'
    failed = ros2('lifecycle', 'set', '/demo/managed', 'activate')
    assert (failed.returncode, failed.stderr) == (0, 'Transitioning failed\n')
    assert ros2('lifecycle', 'get', '/demo/managed').stdout == 'inactive [2]\n'


def test_send_goal(ros2: Ros2) -> None:
    done = ros2('action', 'send_goal', '-f', '/demo/lookup', 'tf2_msgs/action/LookupTransform', '{target_frame: base}')
    assert done.returncode == 0
    assert 'Feedback:\n    {}' in done.stdout
    assert 'error_string: looked up base\n' in done.stdout
    assert done.stdout.endswith('Goal finished with status: SUCCEEDED\n')
