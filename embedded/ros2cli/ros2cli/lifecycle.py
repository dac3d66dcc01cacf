"""`ros2 lifecycle`: nodes, list, get, set."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from lifecycle_msgs.srv import ChangeState, GetAvailableTransitions, GetState
from rclpy.node import Node

from ros2cli.command import CommandError, Verb, nearest
from ros2cli.graph import (
    NodeName,
    add_discovery_arguments,
    complete,
    find_node,
    node_names,
    open_graph,
    open_node,
    patience,
    services,
    types_of,
    wait_until,
)

ANSWER_SECONDS = 5.0
CHANGE_SECONDS = 120.0   # a transition's callback may load a model or move a robot


def _hidden_argument(parser: ArgumentParser) -> None:
    parser.add_argument('--include-hidden-nodes', action='store_true', help='Consider hidden nodes as well')


def _lifecycle_nodes(node: Node, include_hidden: bool) -> list[NodeName]:
    found = services(node, include_hidden=True)
    return [
        name for name in node_names(node, include_hidden)
        if 'lifecycle_msgs/srv/GetState' in types_of(found, f'{name.full}/get_state')
    ]


def _find(node: Node, options: Namespace) -> NodeName:
    target = find_node(node, options.node_name, options.include_hidden_nodes, options.spin_time)

    def has_lifecycle() -> bool:
        return target in _lifecycle_nodes(node, options.include_hidden_nodes)

    if not wait_until(node, has_lifecycle, patience(options.spin_time)):
        known = [name.full for name in _lifecycle_nodes(node, options.include_hidden_nodes)]
        raise CommandError(f"Node '{target.full}' has no lifecycle{nearest(target.full, known)}")
    return target


def _call(node: Node, target: NodeName, service: Any, name: str, request: Any, seconds: float = ANSWER_SECONDS) -> Any:
    what = f"service of node '{target.full}' ({name})"
    client = node.create_client(service, f'{target.full}/{name}')
    if not wait_until(node, client.service_is_ready, ANSWER_SECONDS):
        raise CommandError(f'{what} is not available')
    return complete(node, client.call_async(request), seconds, what)


def _nodes_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('-a', '--all', action='store_true', help='Display all nodes even hidden ones')
    parser.add_argument('-c', '--count-nodes', action='store_true', help='Only display the number of nodes discovered')


def _nodes(options: Namespace) -> None:
    with open_graph(options) as node:
        names = [name.full for name in _lifecycle_nodes(node, options.all)]
    if options.count_nodes:
        print(len(names))
        return
    for name in names:
        print(name)


def _list_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('node_name', help='Name of the ROS node')
    _hidden_argument(parser)
    parser.add_argument('-a', '--all', action='store_true', help='Display all existing transitions')


def _list(options: Namespace) -> None:
    with open_node(options) as node:
        target = _find(node, options)
        service = 'get_transition_graph' if options.all else 'get_available_transitions'
        answer = _call(node, target, GetAvailableTransitions, service, GetAvailableTransitions.Request())
    for entry in answer.available_transitions:
        print(f'- {entry.transition.label} [{entry.transition.id}]')
        print(f'\tStart: {entry.start_state.label}')
        print(f'\tGoal: {entry.goal_state.label}')


def _get_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument(
        'node_name', nargs='?', help='Name of the ROS node. If no name is provided, then get the state for all nodes.'
    )
    _hidden_argument(parser)


def _get(options: Namespace) -> None:
    if options.node_name:
        with open_node(options) as node:
            print(_state(node, _find(node, options)))
        return
    with open_graph(options) as node:
        for target in _lifecycle_nodes(node, options.include_hidden_nodes):
            try:
                print(f'{target.full}: {_state(node, target)}')
            except CommandError as error:
                print(error, file=sys.stderr)


def _state(node: Node, target: NodeName) -> str:
    state = _call(node, target, GetState, 'get_state', GetState.Request()).current_state
    return f'{state.label} [{state.id}]'


def _set_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('node_name', help='Name of the ROS node')
    _hidden_argument(parser)
    parser.add_argument('transition', help='The lifecycle transition, by its label or number')


def _set(options: Namespace) -> None:
    with open_node(options) as node:
        target = _find(node, options)
        request = GetAvailableTransitions.Request()
        answer = _call(node, target, GetAvailableTransitions, 'get_available_transitions', request)
        transitions = [entry.transition for entry in answer.available_transitions]
        # A label first: it says what is meant, a number may be any of several transitions of one label.
        wanted = next((t for t in transitions if t.label == options.transition), None)
        wanted = wanted or next((t for t in transitions if str(t.id) == options.transition), None)
        if wanted is None:
            raise CommandError(
                'Unknown transition requested, available ones are:' + ''.join(f'\n- {t.label} [{t.id}]' for t in transitions)
            )
        change = ChangeState.Request(transition=wanted)
        done = _call(node, target, ChangeState, 'change_state', change, CHANGE_SECONDS).success
    print('Transitioning successful' if done else 'Transitioning failed', file=sys.stdout if done else sys.stderr)


VERBS = {
    'nodes': Verb('Output a list of nodes with lifecycle', _nodes, _nodes_arguments),
    'list': Verb('Output a list of available transitions', _list, _list_arguments),
    'get': Verb('Get lifecycle state for one or more nodes', _get, _get_arguments),
    'set': Verb('Trigger lifecycle state transition', _set, _set_arguments),
}
