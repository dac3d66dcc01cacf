"""`ros2 launch`: finds the launch file, hands it with its arguments to the launch service, or prints what it declares."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ros2cli.command import CommandError, Verb, nearest
from ros2cli.pkg import package_prefix

if TYPE_CHECKING:
    from launch import LaunchDescription

SUFFIXES = ('launch.py', 'launch.xml', 'launch.yaml', 'launch.yml')


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        '-n', '--noninteractive', action='store_true', default=not sys.stdin.isatty(),
        help='Run the launch system non-interactively, with no terminal associated',
    )
    parser.add_argument(
        '-d', '--debug', action='store_true', help='Put the launch system in debug mode, provides more verbose output.'
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        '-p', '--print', '--print-description', action='store_true',
        help='Print the launch description to the console without launching it.',
    )
    instead.add_argument(
        '-s', '--show-args', '--show-arguments', action='store_true',
        help='Show arguments that may be given to the launch file.',
    )
    parser.add_argument(
        '-a', '--show-all-subprocesses-output', action='store_true',
        help="Show all launched subprocesses' output by overriding their output configuration "
        'using the OVERRIDE_LAUNCH_PROCESS_OUTPUT envvar.',
    )
    parser.add_argument(
        '--launch-prefix',
        help='Prefix command, which should go before all executables. Command must be wrapped in quotes '
        "if it contains spaces (e.g. --launch-prefix 'xterm -e gdb -ex run --args').",
    )
    parser.add_argument(
        '--launch-prefix-filter',
        help='Regex pattern for filtering which executables the --launch-prefix is applied to '
        'by matching the executable name.',
    )
    parser.add_argument('package_name', help='Name of the ROS package which contains the launch file, or path of a launch file')
    parser.add_argument('launch_file_name', nargs='?', help='Name of the launch file')
    parser.add_argument(
        'launch_arguments', nargs='*',
        help="Arguments to the launch file; '<name>:=<value>' (for duplicates, last one wins)",
    )


def _run(options: Namespace) -> int:
    if options.launch_prefix is None and options.launch_prefix_filter is not None:
        raise CommandError('--launch-prefix must be specified if --launch-prefix-filter is provided')
    path, words = find_launch_file(options)
    arguments = parse_arguments(words)
    if options.launch_prefix:
        arguments['launch-prefix'] = options.launch_prefix
    if options.launch_prefix_filter:
        arguments['launch-prefix-filter'] = options.launch_prefix_filter
    if options.show_all_subprocesses_output:
        os.environ['OVERRIDE_LAUNCH_PROCESS_OUTPUT'] = 'both'
    if options.print:
        print('\n'.join(description_lines(_load(path))))
        return 0
    if options.show_args:
        print_arguments(_load(path))
        return 0
    return _launch(path, arguments, options)


def find_launch_file(options: Namespace) -> tuple[Path, list[str]]:
    """The launch file and the words that remain as its arguments.

    Raises:
        CommandError: no such package or file, or several files of that name in the package.
    """
    words = list(options.launch_arguments)
    if os.path.isfile(options.package_name):
        if options.launch_file_name is not None:
            words.insert(0, options.launch_file_name)
        return Path(options.package_name), words
    if os.sep in options.package_name or options.package_name.endswith(SUFFIXES):
        raise CommandError(f"Launch file '{options.package_name}' does not exist")
    share = package_prefix(options.package_name) / 'share' / options.package_name
    # Links are followed: a workspace built with --symlink-install has little else.
    files = [Path(root, name) for root, _, names in os.walk(share, followlinks=True) for name in names]
    if options.launch_file_name is None:
        launch_files = sorted({file.name for file in files if file.name.endswith(SUFFIXES)})
        raise CommandError(
            f"No launch file supplied; package '{options.package_name}' has: {', '.join(launch_files) or 'none'}"
        )
    found = [file for file in files if file.name == options.launch_file_name]
    where = f"share directory of package '{options.package_name}'"
    if not found:
        hint = nearest(options.launch_file_name, {file.name for file in files if file.name.endswith(SUFFIXES)})
        raise CommandError(f"file '{options.launch_file_name}' was not found in the {where} which is at '{share}'{hint}")
    if len(found) > 1:
        listing = ', '.join(f"'{file}'" for file in found)
        raise CommandError(f"file '{options.launch_file_name}' was found more than once in the {where}: [{listing}]")
    return found[0], words


def parse_arguments(words: list[str]) -> dict[str, str]:
    """'name:=value' words as a mapping; the last one of a name wins.

    Raises:
        CommandError: a word of another form.
    """
    arguments = {}
    for word in words:
        name, separator, value = word.partition(':=')
        if not separator or not name or not value:
            raise CommandError(f"malformed launch argument '{word}', expected format '<name>:=<value>'")
        arguments[name] = value
    return arguments


def _load(path: Path) -> LaunchDescription:
    from launch.launch_description_sources import get_launch_description_from_any_launch_file

    try:
        return get_launch_description_from_any_launch_file(str(path))
    except Exception as error:
        raise CommandError(f"Cannot load launch file '{path}': {error}") from error


def print_arguments(description: LaunchDescription) -> None:
    """What `--show-args` prints."""
    print("Arguments (pass arguments as '<name>:=<value>'):")
    arguments = description.get_launch_arguments()
    if not arguments:
        print('\n  No arguments.')
        return
    any_conditional = False
    for argument in arguments:
        conditional = bool(getattr(argument, '_conditionally_included', False))
        any_conditional = any_conditional or conditional
        print(f"\n    '{argument.name}':{'*' if conditional else ''}\n        {argument.description}")
        if argument.default_value is not None:
            print(f'        (default: {_describe(argument.default_value)})')
    if any_conditional:
        print('\n* argument(s) which are only used if specific conditions occur')


def _describe(substitutions: Any) -> str:
    return ' + '.join(substitution.describe() for substitution in substitutions)


def description_lines(entity: Any, depth: int = 0) -> list[str]:
    """What `--print` prints: the entities of a launch description as a tree, conditional ones with their condition."""
    name = getattr(entity, 'name', None)
    title = type(entity).__name__ + (f" '{name}'" if isinstance(name, str) else '')
    lines = ['    ' * depth + title]
    for child in entity.describe_sub_entities():
        lines += description_lines(child, depth + 1)
    for condition, children in entity.describe_conditional_sub_entities():
        lines.append('    ' * (depth + 1) + condition)
        for child in children:
            lines += description_lines(child, depth + 2)
    return lines


def _launch(path: Path, arguments: dict[str, str], options: Namespace) -> int:
    from launch import LaunchContext, LaunchDescription, LaunchService
    from launch.actions import IncludeLaunchDescription
    from launch.launch_description_sources import AnyLaunchDescriptionSource

    # One source for both, so that the launch file is read once.
    source = AnyLaunchDescriptionSource(str(path))
    try:
        description = source.get_launch_description(LaunchContext())
    except Exception:
        description = None  # the launch service says what is wrong with it
    _warn_of_undeclared(description, arguments)
    service = LaunchService(
        argv=[f'{name}:={value}' for name, value in arguments.items()],
        noninteractive=options.noninteractive,
        debug=options.debug,
    )
    include = IncludeLaunchDescription(source, launch_arguments=arguments.items())
    service.include_launch_description(LaunchDescription([include]))
    return service.run()


def _warn_of_undeclared(description: LaunchDescription | None, arguments: dict[str, str]) -> None:
    """An argument that nobody declares is passed on, as launch files may read it all the same."""
    if description is None:
        return
    declared = {argument.name for argument in description.get_launch_arguments()}
    for name in arguments:
        if name not in declared and not name.startswith('launch-prefix'):
            print(f"WARNING: the launch file declares no argument '{name}'{nearest(name, declared)}", file=sys.stderr)


COMMAND = Verb('Run a launch file', _run, _arguments, rest='launch_arguments')
