"""`ros2 action`: list, info, type, send_goal."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from rclpy.action import (
    ActionClient,
    get_action_client_names_and_types_by_node,
    get_action_names_and_types,
    get_action_server_names_and_types_by_node,
)
from rclpy.node import Node

from ros2cli.command import CommandError, Verb, nearest
from ros2cli.conversion import message_to_yaml
from ros2cli.filling import fill, read_values
from ros2cli.graph import (
    FIND_SECONDS,
    add_discovery_arguments,
    add_node_arguments,
    complete,
    expand,
    node_names,
    open_graph,
    open_node,
    patience,
    settle,
    types_of,
    wait_until,
)
from ros2cli.interfaces import full_name, load

STATUS = {1: 'ACCEPTED', 2: 'EXECUTING', 3: 'CANCELING', 4: 'SUCCEEDED', 5: 'CANCELED', 6: 'ABORTED'}   # GoalStatus.msg
ANSWER_SECONDS = 5.0


def _list_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('-t', '--show-types', action='store_true', help='Additionally show the action type')
    parser.add_argument('-c', '--count-actions', action='store_true', help='Only display the number of actions discovered')


def _list(options: Namespace) -> None:
    with open_graph(options) as node:
        found = sorted(get_action_names_and_types(node))
    if options.count_actions:
        print(len(found))
        return
    for name, types in found:
        print(_with_types(name, types, options))


def _with_types(name: str, types: list[str], options: Namespace) -> str:
    return f'{name} [{", ".join(types)}]' if options.show_types else name


def _action_argument(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('action_name', help="Name of the ROS action (e.g. '/fibonacci')")


def _find_action(node: Node, options: Namespace) -> tuple[str, list[str]]:
    name = expand(node, options.action_name)
    wait_until(node, lambda: bool(types_of(get_action_names_and_types(node), name)), patience(options.spin_time))
    return name, types_of(get_action_names_and_types(node), name)


def _type(options: Namespace) -> None:
    with open_node(options) as node:
        name, types = _find_action(node, options)
        if not types:
            known = [other for other, _ in get_action_names_and_types(node)]
            raise CommandError(f"Unknown action '{name}'{nearest(name, known)}")
    for action_type in types:
        print(action_type)


def _info_arguments(parser: ArgumentParser) -> None:
    _action_argument(parser)
    parser.add_argument('-t', '--show-types', action='store_true', help='Additionally show the action type')
    parser.add_argument(
        '-c', '--count', action='store_true', help='Only display the number of action clients and action servers'
    )


def _info(options: Namespace) -> None:
    with open_node(options) as node:
        name, _types = _find_action(node, options)
        settle(node)
        names = node_names(node, include_hidden=True)
        print(f'Action: {options.action_name}')
        for role, query in (
            ('clients', get_action_client_names_and_types_by_node),
            ('servers', get_action_server_names_and_types_by_node),
        ):
            ends = [(other, types_of(query(node, other.name, other.namespace), name)) for other in names]
            ends = [(other, types) for other, types in ends if types]
            print(f'Action {role}: {len(ends)}')
            if not options.count:
                for other, types in ends:
                    print('    ' + _with_types(other.full, types, options))


def _send_goal_arguments(parser: ArgumentParser) -> None:
    add_node_arguments(parser)
    parser.add_argument('action_name', help="Name of the ROS action (e.g. '/fibonacci')")
    parser.add_argument('action_type', help="Type of the ROS action (e.g. 'example_interfaces/action/Fibonacci')")
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument('goal', nargs='?', default='{}', help="Goal request values in YAML format (e.g. '{order: 10}')")
    goal.add_argument('--stdin', action='store_true', help='Read goal from standard input')
    parser.add_argument('-f', '--feedback', action='store_true', help='Echo feedback messages for the goal')


def _send_goal(options: Namespace) -> None:
    kind = load(options.action_type, 'action')
    goal = kind.Goal()
    fill(goal, read_values(sys.stdin.read() if options.stdin else options.goal, 'goal'))
    with open_node(options) as node:
        name = expand(node, options.action_name)
        client = ActionClient(node, kind, name)
        try:
            print('Waiting for an action server to become available...')
            _wait_for_server(node, client, name, full_name(options.action_type, 'action'))
            _pursue(node, client, goal, options.feedback)
        finally:
            client.destroy()


def _wait_for_server(node: Node, client: Any, name: str, kind: str) -> None:
    """Waits without a limit, unless an action of that name has another type."""
    while not wait_until(node, client.server_is_ready, FIND_SECONDS):
        served = (
            types_of(get_action_server_names_and_types_by_node(node, other.name, other.namespace), name)
            for other in node_names(node, include_hidden=True)
        )
        types = sorted({action_type for found in served for action_type in found})
        if types and kind not in types:
            raise CommandError(f"Action '{name}' is of the type {', '.join(types)}, not {kind}")


def _pursue(node: Node, client: Any, goal: Any, feedback: bool) -> None:
    print(f'Sending goal:\n     {message_to_yaml(goal)}')
    callback = _print_feedback if feedback else None
    handle = complete(node, client.send_goal_async(goal, callback), None, 'the action server (goal)')
    if not handle.accepted:
        print('Goal was rejected.')
        return
    print(f'Goal accepted with ID: {bytes(handle.goal_id.uuid).hex()}\n')
    finished = False
    try:
        result = complete(node, handle.get_result_async(), None, 'the action server (result)')
        finished = True
    finally:
        if not finished:
            _cancel(node, handle)
    print(f'Result:\n    {message_to_yaml(result.result)}')
    print(f'Goal finished with status: {STATUS.get(result.status, "UNKNOWN")}')


def _cancel(node: Node, handle: Any) -> None:
    print('Canceling goal...')
    answer = complete(node, handle.cancel_goal_async(), ANSWER_SECONDS, 'the action server (cancel)')
    if len(answer.goals_canceling) != 1:
        raise CommandError('Failed to cancel goal')
    print('Goal canceled.')


def _print_feedback(message: Any) -> None:
    print(f'Feedback:\n    {message_to_yaml(message.feedback)}')


VERBS = {
    'list': Verb('Output a list of action names', _list, _list_arguments),
    'info': Verb('Print information about an action', _info, _info_arguments),
    'type': Verb("Print a action's type", _type, _action_argument),
    'send_goal': Verb('Send an action goal', _send_goal, _send_goal_arguments),
}
