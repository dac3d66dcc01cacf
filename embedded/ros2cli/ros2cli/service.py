"""`ros2 service`: list, type, info, find, call, echo."""

from __future__ import annotations

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable
from time import monotonic

from rclpy.node import Node

from ros2cli import service_echo
from ros2cli.command import CommandError, Verb, nearest, positive_float
from ros2cli.filling import fill, read_values
from ros2cli.graph import (
    FIND_SECONDS,
    POLL_SECONDS,
    add_discovery_arguments,
    add_node_arguments,
    complete,
    expand,
    find_service,
    node_names,
    open_graph,
    open_node,
    services,
    settle,
    wait_until,
)
from ros2cli.interfaces import full_name, load, sought_type

KNOWN_SECONDS = 1.0   # at most, until a node of the server is seen


def add_options(parser: ArgumentParser, default: bool | str = False) -> None:
    """The option that goes before or after the verb; with the default SUPPRESS the one before it stands."""
    parser.add_argument(
        '--include-hidden-services', action='store_true', default=default, help='Consider hidden services as well'
    )


def _list_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('-t', '--show-types', action='store_true', help='Additionally show the service type')
    parser.add_argument('-c', '--count-services', action='store_true', help='Only display the number of services discovered')
    add_options(parser, default=SUPPRESS)


def _list(options: Namespace) -> None:
    with open_graph(options) as node:
        found = services(node, options.include_hidden_services)
    if options.count_services:
        print(len(found))
        return
    for name, types in found:
        print(f'{name} [{", ".join(types)}]' if options.show_types else name)


def _type_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('service_name', help="Name of the ROS service to get type (e.g. '/talker/list_parameters')")


def _type(options: Namespace) -> None:
    with open_node(options) as node:
        name = expand(node, options.service_name)
        types = find_service(node, name, options.spin_time)
    for service_type in types:
        print(service_type)


def _info(options: Namespace) -> None:
    with open_node(options) as node:
        name = expand(node, options.service_name)
        types = find_service(node, name, options.spin_time)
        settle(node)
        print(f'Type: {types[0] if len(types) == 1 else types}')
        print(f'Clients count: {node.count_clients(name)}')
        print(f'Services count: {node.count_services(name)}')


def _find_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument(
        'service_type', help="Name of the ROS service type to filter for (e.g. 'rcl_interfaces/srv/ListParameters')"
    )
    parser.add_argument('-c', '--count-services', action='store_true', help='Only display the number of services discovered')
    add_options(parser, default=SUPPRESS)


def _find(options: Namespace) -> None:
    wanted = sought_type(options.service_type, 'srv')
    with open_graph(options) as node:
        found = [name for name, types in services(node, options.include_hidden_services) if wanted in types]
    if options.count_services:
        print(len(found))
        return
    for name in found:
        print(name)


def _call_arguments(parser: ArgumentParser) -> None:
    add_node_arguments(parser)
    parser.add_argument('service_name', help="Name of the ROS service to call to (e.g. '/add_two_ints')")
    parser.add_argument('service_type', help="Type of the ROS service (e.g. 'std_srvs/srv/Empty')")
    values = parser.add_mutually_exclusive_group()
    values.add_argument(
        'values',
        nargs='?',
        default='{}',
        help="Values to fill the service request with in YAML format (e.g. '{a: 1, b: 2}'), "
        'otherwise the service request will be published with default values',
    )
    values.add_argument('--stdin', action='store_true', help='Read values from standard input')
    parser.add_argument(
        '-r', '--rate', metavar='N', type=positive_float, help='Repeat the call at a specific rate in Hz'
    )


def _call(options: Namespace) -> None:
    kind = load(options.service_type, 'srv')
    request = kind.Request()
    fill(request, read_values(sys.stdin.read() if options.stdin else options.values, 'request'))
    with open_node(options) as node:
        name = expand(node, options.service_name)
        client = node.create_client(kind, name)
        if not wait_until(node, client.service_is_ready, 0.0):
            print('waiting for service to become available...')
            _wait_for_service(node, client.service_is_ready, name, full_name(options.service_type, 'srv'))
        # A server that does not know this node yet drops its answer.
        wait_until(node, lambda: bool(node_names(node, include_hidden=True)), KNOWN_SECONDS)
        due = monotonic()
        while True:
            print(f'requester: making request: {request!r}\n')
            response = complete(node, client.call_async(request), None, f"service '{name}'")
            print(f'response:\n{response!r}\n')
            if options.rate is None:
                return
            due = max(due + 1.0 / options.rate, monotonic())
            wait_until(node, lambda: False, due - monotonic(), poll=min(POLL_SECONDS, 0.5 / options.rate))


def _served(node: Node) -> dict[str, set[str]]:
    """The services that other nodes offer, with their types; the graph's own list has those of clients too, ours among them."""
    served: dict[str, set[str]] = {}
    for other in node_names(node, include_hidden=True):
        for name, types in node.get_service_names_and_types_by_node(other.name, other.namespace):
            served.setdefault(name, set()).update(types)
    return served


def _wait_for_service(node: Node, is_ready: Callable[[], bool], name: str, kind: str) -> None:
    """Waits without a limit, unless a service of that name has another type."""
    while not wait_until(node, is_ready, FIND_SECONDS):
        served = _served(node)
        types = served.get(name, {kind})
        if kind not in types:
            raise CommandError(f"Service '{name}' is of the type {', '.join(sorted(types))}, not {kind}")
        hint = nearest(name, [known for known in served if known != name])
        if hint:
            print(f"no service '{name}' yet{hint}", file=sys.stderr)


VERBS = {
    'list': Verb('Output a list of available services', _list, _list_arguments),
    'type': Verb("Output a service's type", _type, _type_arguments),
    'info': Verb('Print information about a service', _info, _type_arguments),
    'find': Verb('Output a list of available services of a given type', _find, _find_arguments),
    'call': Verb('Call a service', _call, _call_arguments),
    **service_echo.VERBS,
}
