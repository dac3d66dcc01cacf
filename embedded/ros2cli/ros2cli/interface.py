"""`ros2 interface`: list, show, package, packages, proto."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace

from ros2cli.command import CommandError, Verb, nearest
from ros2cli.interfaces import KINDS, all_of_kind, definition_file, interfaces_of, load, packages

TITLES = {'msg': 'Messages', 'srv': 'Services', 'action': 'Actions'}
FLAGS = {
    'msg': ('-m', '--only-msgs', 'message'),
    'srv': ('-s', '--only-srvs', 'service'),
    'action': ('-a', '--only-actions', 'action'),
}
PRIMITIVES = {
    'bool', 'byte', 'char', 'float32', 'float64', 'string', 'wstring',
    'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64',
}
FIELD = re.compile(r'^(?P<type>[A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+\w+')


def _kind_arguments(parser: ArgumentParser) -> None:
    for short, long, what in FLAGS.values():
        parser.add_argument(short, long, action='store_true', help=f'Print out only the {what} types')


def _kinds(options: Namespace) -> list[str]:
    """The kinds asked for; all where none is named."""
    chosen = [kind for kind, (_, long, _) in FLAGS.items() if getattr(options, long[2:].replace('-', '_'))]
    return chosen or list(KINDS)


def _list(options: Namespace) -> None:
    for kind in _kinds(options):
        print(f'{TITLES[kind]}:')
        for name in all_of_kind(kind):
            print(f'    {name}')


def _packages(options: Namespace) -> None:
    kinds = tuple(f'{kind}/' for kind in _kinds(options))
    for package in packages():
        if any(name.startswith(kinds) for name in interfaces_of(package)):
            print(package)


def _package_arguments(parser: ArgumentParser) -> None:
    _kind_arguments(parser)
    parser.add_argument('package_name', help="Name of the ROS package (e.g. 'std_msgs')")


def _package(options: Namespace) -> None:
    kinds = tuple(f'{kind}/' for kind in _kinds(options))
    for name in interfaces_of(options.package_name):
        if name.startswith(kinds):
            print(f'{options.package_name}/{name}')


def _show_arguments(parser: ArgumentParser) -> None:
    comments = parser.add_mutually_exclusive_group()
    comments.add_argument(
        '--all-comments', action='store_true', help='Show all comments, including for nested interface definitions'
    )
    comments.add_argument('--no-comments', action='store_true', help='Show no comments or whitespace')
    parser.add_argument(
        'type',
        help="Show an interface definition (e.g. 'std_msgs/msg/String'). Passing '-' reads the argument from stdin "
        "(e.g. 'ros2 topic type /chatter | ros2 interface show -').",
    )


def _show(options: Namespace) -> None:
    name = sys.stdin.readline().strip() if options.type == '-' else options.type
    for line in definition_lines(_resolve(name), not options.no_comments, options.all_comments):
        print(line)


def _resolve(name: str) -> str:
    """'package/Name' or 'package/kind/Name' as the latter, whatever kind it is."""
    package, *rest = name.split('/')
    if len(rest) not in (1, 2) or len(rest) == 2 and rest[0] not in KINDS:
        known = [interface for kind in KINDS for interface in all_of_kind(kind)]
        raise CommandError(f"Invalid name '{name}', expected an interface such as 'std_msgs/msg/String'{nearest(name, known)}")
    there = interfaces_of(package)
    for kind in rest[:-1] or KINDS:
        if f'{kind}/{rest[-1]}' in there:
            return f'{package}/{kind}/{rest[-1]}'
    raise CommandError(f"Could not find the interface '{name}'{nearest(name, [f'{package}/{known}' for known in there])}")


def definition_lines(name: str, comments: bool, nested_comments: bool, depth: int = 0) -> list[str]:
    """An interface's definition with those of its fields below them, indented by one tab more each."""
    package = name.split('/')[0]
    lines = []
    for line in definition_file(name).read_text(encoding='utf-8').splitlines():
        text, comment = _split_comment(line.rstrip())
        shown = line.rstrip() if comments else text
        if shown or comments:
            lines.append('\t' * depth + shown if shown else '')
        nested = _nested_type(text, package)
        if nested:
            lines += definition_lines(nested, nested_comments, nested_comments, depth + 1)
    return lines


def _split_comment(line: str) -> tuple[str, str]:
    """A line before and from its '#', which counts only outside of quotes."""
    quote = ''
    for index, character in enumerate(line):
        if quote:
            quote = '' if character == quote else quote
        elif character in '\'"':
            quote = character
        elif character == '#':
            return line[:index].rstrip(), line[index:]
    return line, ''


def _nested_type(text: str, package: str) -> str | None:
    match = FIELD.match(text.strip())
    if match is None or match['type'] in PRIMITIVES:
        return None
    parts = match['type'].split('/')
    return '/'.join([parts[0] if len(parts) > 1 else package, 'msg', parts[-1]])


def _proto_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('type', help="Show an interface prototype (e.g. 'std_msgs/msg/String')")
    parser.add_argument('--no-quotes', action='store_true', help='if true output has no outer quotes.')


def _proto(options: Namespace) -> None:
    from ros2cli.conversion import message_to_yaml

    name = _resolve(options.type)
    kind = name.split('/')[1]
    interface = load(name, kind)
    # What a user fills in: of a service the request, of an action the goal.
    part = {'msg': '', 'srv': 'Request', 'action': 'Goal'}[kind]
    text = message_to_yaml((getattr(interface, part) if part else interface)())
    print(text if options.no_quotes else f'"{text}"')


VERBS = {
    'list': Verb('List all interface types available', _list, _kind_arguments),
    'show': Verb('Output the interface definition', _show, _show_arguments),
    'package': Verb('Output a list of available interface types within one package', _package, _package_arguments),
    'packages': Verb('Output a list of packages that provide interfaces', _packages, _kind_arguments),
    'proto': Verb('Output an interface prototype', _proto, _proto_arguments),
}
