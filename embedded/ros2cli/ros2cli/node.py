"""`ros2 node`: list, info."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable

from rclpy.action import get_action_client_names_and_types_by_node, get_action_server_names_and_types_by_node
from rclpy.node import Node

from ros2cli.command import Verb
from ros2cli.graph import (
    NamesAndTypes,
    add_discovery_arguments,
    find_node,
    is_hidden,
    node_names,
    open_graph,
    open_node,
    settle,
)


def _list_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('-a', '--all', action='store_true', help='Display all nodes even hidden ones')
    parser.add_argument('-c', '--count-nodes', action='store_true', help='Only display the number of nodes discovered')


def _list(options: Namespace) -> None:
    with open_graph(options) as node:
        names = [name.full for name in node_names(node, options.all)]
    if options.count_nodes:
        print(len(names))
        return
    if len(set(names)) < len(names):
        print(
            'WARNING: Be aware that there are nodes in the graph that share an exact name, '
            'which can have unintended side effects.',
            file=sys.stderr,
        )
    for name in names:
        print(name)


def _info_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('node_name', help='Node name to request information')
    parser.add_argument('--include-hidden', action='store_true', help='Display hidden topics, services, and actions as well')


def _info(options: Namespace) -> None:
    with open_node(options) as node:
        name = find_node(node, options.node_name, True, options.spin_time, missing='Unable to find node')
        settle(node)
        count = [other.full for other in node_names(node, include_hidden=True)].count(name.full)
        if count > 1:
            print(
                f'There are {count} nodes in the graph with the exact name "{name.full}". '
                'You are seeing information about only one of them.',
                file=sys.stderr,
            )
        print(name.full)
        for title, query in (
            ('Subscribers', node.get_subscriber_names_and_types_by_node),
            ('Publishers', node.get_publisher_names_and_types_by_node),
            ('Service Servers', node.get_service_names_and_types_by_node),
            ('Service Clients', node.get_client_names_and_types_by_node),
            ('Action Servers', _action_query(node, get_action_server_names_and_types_by_node)),
            ('Action Clients', _action_query(node, get_action_client_names_and_types_by_node)),
        ):
            print(f'  {title}:')
            _print_names_and_types(query(name.name, name.namespace), options.include_hidden)


def _action_query(node: Node, query: Callable[[Node, str, str], NamesAndTypes]) -> Callable[[str, str], NamesAndTypes]:
    return lambda name, namespace: query(node, name, namespace)


def _print_names_and_types(names_and_types: Iterable[tuple[str, list[str]]], include_hidden: bool) -> None:
    lines = [f'    {name}: ' + ', '.join(types) for name, types in names_and_types if include_hidden or not is_hidden(name)]
    # An empty section is an empty line, as in the stock command.
    print('\n'.join(lines))


VERBS = {
    'list': Verb('Output a list of available nodes', _list, _list_arguments),
    'info': Verb('Output information about a node', _info, _info_arguments),
}
