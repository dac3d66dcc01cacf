"""`ros2 param`: list, get, set, describe, dump, load, delete."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.parameter import Parameter, parameter_value_to_python

from ros2cli.command import CommandError, Verb, unsigned_float
from ros2cli.conversion import to_yaml
from ros2cli.graph import (
    FIND_SECONDS,
    LIST_SECONDS,
    NodeName,
    add_discovery_arguments,
    find_node,
    node_names,
    open_graph,
    open_node,
    patience,
)
from ros2cli.param_client import ParameterClient, from_file, from_text

TYPE_NAMES = {
    Parameter.Type.NOT_SET: 'not set',
    Parameter.Type.BOOL: 'boolean',
    Parameter.Type.INTEGER: 'integer',
    Parameter.Type.DOUBLE: 'double',
    Parameter.Type.STRING: 'string',
    Parameter.Type.BYTE_ARRAY: 'byte array',
    Parameter.Type.BOOL_ARRAY: 'boolean array',
    Parameter.Type.INTEGER_ARRAY: 'integer array',
    Parameter.Type.DOUBLE_ARRAY: 'double array',
    Parameter.Type.STRING_ARRAY: 'string array',
}


def _node_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('node_name', help='Name of the ROS node')
    _hidden_argument(parser)
    parser.add_argument(
        '--timeout', metavar='N', type=unsigned_float, default=FIND_SECONDS - LIST_SECONDS,
        help='Wait for N seconds, after those for discovery, until node becomes available (default %(default)s sec)',
    )


def _hidden_argument(parser: ArgumentParser) -> None:
    parser.add_argument('--include-hidden-nodes', action='store_true', help='Consider hidden nodes as well')


@contextmanager
def _open_client(options: Namespace) -> Iterator[tuple[ParameterClient, NodeName]]:
    with open_node(options) as node:
        seconds = patience(options.spin_time, LIST_SECONDS) + options.timeout
        target = find_node(node, options.node_name, options.include_hidden_nodes, seconds)
        yield ParameterClient(node, target), target


def _list_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('node_name', nargs='?', help='Name of the ROS node')
    parser.add_argument('--filter', metavar='REGEX', help='Only parameters matching the regex expression will be showed.')
    _hidden_argument(parser)
    parser.add_argument(
        '--param-prefixes', nargs='+', default=[], help='Only list parameters with the provided prefixes'
    )
    parser.add_argument('--param-type', action='store_true', help='Print parameter types with parameter names')


def _list(options: Namespace) -> None:
    try:
        pattern = re.compile(options.filter or '')
    except re.error as error:
        raise CommandError(f"--filter '{options.filter}' is not a regular expression: {error}") from error
    if options.node_name:
        with open_node(options) as node:
            target = find_node(node, options.node_name, options.include_hidden_nodes, options.spin_time)
            _print_names(ParameterClient(node, target), pattern, options)
        return
    with open_graph(options) as node:
        for target in node_names(node, options.include_hidden_nodes):
            try:
                _print_names(ParameterClient(node, target), pattern, options, f'{target.full}:')
            except CommandError as error:
                print(error, file=sys.stderr)


def _print_names(client: ParameterClient, pattern: re.Pattern[str], options: Namespace, title: str = '') -> None:
    names = [name for name in client.names(options.param_prefixes) if pattern.match(name)]
    if title and names:
        print(title)
    types = [''] * len(names)
    if options.param_type:
        types = [f' (type: {_type_name(descriptor)})' for descriptor in client.descriptors(names)]
    for name, kind in zip(names, types):
        print(f'  {name}{kind}')


def _type_name(descriptor: ParameterDescriptor) -> str:
    return TYPE_NAMES[Parameter.Type(descriptor.type)]


def _get_arguments(parser: ArgumentParser) -> None:
    _node_arguments(parser)
    parser.add_argument('parameter_name', help='Name of the parameter')
    parser.add_argument('--hide-type', action='store_true', help='Hide the type information')


def _get(options: Namespace) -> None:
    with _open_client(options) as (client, _target):
        values = client.values([options.parameter_name])
        if not values:
            client.require(options.parameter_name)
            raise CommandError('Parameter not set')
    kind = Parameter.Type(values[0].type)
    value = parameter_value_to_python(values[0])
    if options.hide_type:
        print(value)
    elif kind is Parameter.Type.NOT_SET:
        print('Parameter not set.')
    else:
        name, _, is_array = TYPE_NAMES[kind].partition(' ')
        print(f'{name.capitalize()} {"values are" if is_array else "value is"}:', value)


def _set_arguments(parser: ArgumentParser) -> None:
    _node_arguments(parser)
    parser.add_argument('parameter_name', help='Name of the parameter')
    parser.add_argument('value', help='Value of the parameter')


def _set(options: Namespace) -> None:
    with _open_client(options) as (client, _target):
        [result] = client.set([from_text(options.parameter_name, options.value)])
    _report(result, 'Set parameter successful', 'Setting parameter failed')


def _report(result: SetParametersResult, done: str, failed: str) -> None:
    """One line; a refusal goes to stderr and, as in the stock command, is no failure of the command."""
    reason = f': {result.reason}' if result.reason else ''
    print((done if result.successful else failed) + reason, file=sys.stdout if result.successful else sys.stderr)


def _delete_arguments(parser: ArgumentParser) -> None:
    _node_arguments(parser)
    parser.add_argument('parameter_name', help='Name of the parameter')


def _delete(options: Namespace) -> None:
    with _open_client(options) as (client, _target):
        [result] = client.set([ParameterMsg(name=options.parameter_name)])
    _report(result, 'Deleted parameter successfully', 'Deleting parameter failed')


def _describe_arguments(parser: ArgumentParser) -> None:
    _node_arguments(parser)
    parser.add_argument('parameter_names', nargs='+', help='Names of the parameters')


def _describe(options: Namespace) -> None:
    with _open_client(options) as (client, _target):
        descriptors = client.descriptors(options.parameter_names)
        if len(descriptors) < len(options.parameter_names):
            try:
                for name in options.parameter_names:
                    client.require(name)
            except CommandError as error:
                print(error, file=sys.stderr)
    for descriptor in descriptors:
        _print_descriptor(descriptor)


def _print_descriptor(descriptor: ParameterDescriptor) -> None:
    print('Parameter name:', descriptor.name)
    print('  Type:', _type_name(descriptor))
    if descriptor.description:
        print('  Description:', descriptor.description)
    print('  Constraints:')
    if descriptor.read_only:
        print('    Read only: true')
    for bounds in (*descriptor.floating_point_range, *descriptor.integer_range):
        print('    Min value:', bounds.from_value)
        print('    Max value:', bounds.to_value)
        if bounds.step:
            print('    Step:', bounds.step)
    if descriptor.additional_constraints:
        print('    Additional constraints:', descriptor.additional_constraints)


def _dump(options: Namespace) -> None:
    with _open_client(options) as (client, target):
        names = client.names()
        values = client.values(names)
    parameters: dict[str, Any] = {}
    for name, value in zip(names, values):
        *sections, last = name.split('.')
        section = parameters
        for part in sections:
            section = section.setdefault(part, {})
        section[last] = parameter_value_to_python(value)
    print(to_yaml({target.full: {'ros__parameters': parameters}}))


def _load_arguments(parser: ArgumentParser) -> None:
    _node_arguments(parser)
    parser.add_argument('parameter_file', help='Parameter file')
    parser.add_argument(
        '--no-use-wildcard', action='store_true', help="Do not load parameters in the '/**' namespace into the node"
    )


def _load(options: Namespace) -> None:
    with _open_client(options) as (client, target):
        parameters = from_file(Path(options.parameter_file), target, not options.no_use_wildcard)
        results = client.set(parameters)
    for parameter, result in zip(parameters, results):
        _report(result, f'Set parameter {parameter.name} successful', f'Set parameter {parameter.name} failed')


VERBS = {
    'list': Verb('Output a list of available parameters', _list, _list_arguments),
    'get': Verb('Get parameter', _get, _get_arguments),
    'set': Verb('Set parameter', _set, _set_arguments),
    'delete': Verb('Delete parameter', _delete, _delete_arguments),
    'describe': Verb('Show descriptive information about declared parameters', _describe, _describe_arguments),
    'dump': Verb('Show all of the parameters of a node in a YAML file format', _dump, _node_arguments),
    'load': Verb('Load parameter file for a node', _load, _load_arguments),
}
