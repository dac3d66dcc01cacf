"""Real ROS nodes: parameters arrive, lifecycle nodes change state when told to."""

from pathlib import Path
from typing import Any

import launch
import pytest
from launch.actions import EmitEvent, RegisterEventHandler, Shutdown, TimerAction
from launch.events import matches_action
from launch_ros.actions import LifecycleNode, Node, SetUseSimTime
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState, matches_node_name
from launch_ros.ros_adapters import get_ros_node
from lifecycle_msgs.msg import Transition

# The interpreter's end, with threads of the middleware alive, is not what is tested: it may crash.
LIFECYCLE_NODE = '''
import os
import sys
import time
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode
rclpy.init()
node = LifecycleNode('default_name')
# The events of the first transition are not kept for who comes late.
while not node.count_subscribers(node.get_fully_qualified_name() + '/transition_event'):
    time.sleep(0.01)
try:
    rclpy.spin(node)
except (KeyboardInterrupt, ExternalShutdownException):
    pass
sys.stdout.flush()
os._exit(0)
'''

PARAMETER_NODE = '''
import os
import sys
import rclpy
rclpy.init()
node = rclpy.create_node('default_name', automatically_declare_parameters_from_overrides=True)
names = ('use_sim_time', 'rate', 'text', 'list')
values = [node.get_parameter(name).value for name in names]
print(node.get_fully_qualified_name(), *values[:3], list(values[3]), node.resolve_topic_name('in'))
sys.stdout.flush()
os._exit(0)
'''


def script(folder: Any, text: Any) -> Any:
    path = folder / 'node.py'
    path.write_text(f'#!/usr/bin/env python3\n{text}')
    path.chmod(0o755)
    return str(path)


def run(*entities: Any) -> Any:
    service = launch.LaunchService(noninteractive=True)
    service.include_launch_description(launch.LaunchDescription(list(entities)))
    return service.run()


def test_parameters_names_and_remappings_reach_a_node(tmp_path: Path) -> None:
    file = tmp_path / 'p.yaml'
    file.write_text('/robot/talker:\n  ros__parameters: {text: "from file", list: [1.5, 2.0]}\n')
    node = Node(
        executable=script(tmp_path, PARAMETER_NODE), name='talker', namespace='robot', remappings=[('in', '/other')],
        parameters=[{'rate': 20, 'use_sim_time': True, 'text': 'from dict'}, str(file)], cached_output=True)
    assert run(node) == 0, node.get_stderr()
    assert node.get_stdout() == '/robot/talker True 20 from file [1.5, 2.0] /other\n'


def test_lifecycle_node_is_configured_and_activated(tmp_path: Path) -> None:
    node = LifecycleNode(executable=script(tmp_path, LIFECYCLE_NODE), name='alive', namespace='robot')
    seen = []

    def ask(transition: Any, matcher: Any) -> Any:
        return EmitEvent(event=ChangeState(lifecycle_node_matcher=matcher, transition_id=transition))

    def note(event: Any) -> Any:
        seen.append((event.start_state, event.goal_state, event.transition))
        return False

    code = run(
        RegisterEventHandler(OnStateTransition(matcher=lambda event: hasattr(event, 'goal_state') and note(event), entities=[])),
        RegisterEventHandler(OnStateTransition(
            target_lifecycle_node=node, start_state='configuring', goal_state='inactive',
            entities=[ask(Transition.TRANSITION_ACTIVATE, matches_node_name('robot/alive'))])),
        RegisterEventHandler(OnStateTransition(target_lifecycle_node=node, goal_state='active', entities=[Shutdown()])),
        node, ask(Transition.TRANSITION_CONFIGURE, matches_action(node)),
        TimerAction(period=90.0, actions=[Shutdown(reason='too late')]))
    goals = [goal for _, goal, _ in seen]
    assert code == 0
    assert goals.index('inactive') < goals.index('active'), seen
    assert node.return_code == 0


def test_unknown_transition_is_an_error() -> None:
    with pytest.raises(ValueError, match='configure: 1'):
        ChangeState(lifecycle_node_matcher=lambda node: True, transition_id=4711)


def test_use_sim_time_of_the_launch_node() -> None:
    values = []
    code = run(
        SetUseSimTime(True),
        launch.actions.OpaqueFunction(function=lambda context: values.append(
            get_ros_node(context).get_parameter('use_sim_time').value)))
    assert (code, values) == (0, [True])
