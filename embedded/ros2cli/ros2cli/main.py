"""The command line `ros2 COMMAND [VERB] ...`.

Only the modules of the command that is asked for are imported, so that `ros2 pkg list` does not wait for rclpy.
Exit codes: 0 done, 1 a mistake or a thing not found (one line on stderr), 2 a wrong command line or Ctrl-C, 15 terminated.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from typing import NoReturn

from ros2cli import absent, interrupt
from ros2cli.command import CommandError, Verb

COMMANDS = {
    'action': 'Various action related sub-commands',
    'daemon': 'Various daemon related sub-commands',
    'interface': 'Show information about ROS interfaces',
    'launch': 'Run a launch file',
    'lifecycle': 'Various lifecycle related sub-commands',
    'node': 'Various node related sub-commands',
    'param': 'Various param related sub-commands',
    'pkg': 'Various package related sub-commands',
    'run': 'Run a package specific executable',
    'service': 'Various service related sub-commands',
    'topic': 'Various topic related sub-commands',
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    interrupt.watch()
    try:
        return _dispatch(arguments)
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return int(signal.SIGINT)
    except interrupt.Terminated:
        return int(signal.SIGTERM)
    except BrokenPipeError:
        # The reader of a pipe (head, grep -q) has seen enough; Python's own flush at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def console() -> NoReturn:
    """The executable `ros2`: runs the command and ends the process with its exit code."""
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # whoever read it is gone
            stream.flush()
    # Not through the end of the interpreter: there threads of the middleware meet what C++ has taken apart.
    os._exit(code)


def _dispatch(arguments: list[str]) -> int:
    parser, options = _parse(arguments)
    if not options.use_python_default_buffering:
        _line_buffer()
    verb: Verb | None = getattr(options, 'verb', None)
    if verb is None:
        parser.print_help()
        return 0
    code = verb.run(options) or 0
    sys.stdout.flush()
    return code


def _parse(arguments: list[str]) -> tuple[ArgumentParser, Namespace]:
    """The parser of the innermost command named, and the options."""
    parser = ArgumentParser(
        prog='ros2',
        description='ros2 is an extensible command-line tool for ROS 2.',
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--use-python-default-buffering',
        action='store_true',
        help='Do not force line buffering in stdout and instead use the python default buffering',
    )
    commands = {**COMMANDS, **{name: verb.help for name, verb in absent.COMMANDS.items()}}
    name = next((word for word in arguments if not word.startswith('-')), None)
    subparsers = parser.add_subparsers(
        title='Commands',
        description=_listing({name: line for name, line in sorted(commands.items()) if line}),
        metavar='Call `ros2 <command> -h` for more detailed usage.',
    )
    innermost = parser
    for command, help_line in commands.items():
        subparser = subparsers.add_parser(
            command, description=help_line, formatter_class=RawDescriptionHelpFormatter
        )
        if command == name:
            _add_command(subparser, command)
            innermost = subparser
    options, rest = parser.parse_known_args(arguments)
    verb: Verb | None = getattr(options, 'verb', None)
    target = verb.rest if verb else ''
    if target and not any(word.startswith('-') for word in rest):
        getattr(options, target).extend(rest)
    elif rest and not (verb and verb.takes_anything):
        innermost.error(f'unrecognized arguments: {" ".join(rest)}')
    return innermost, options


def _add_command(parser: ArgumentParser, command: str) -> None:
    """A command's module has either COMMAND, one verb without a name, or VERBS by name.

    With VERBS it may have `add_options(parser)`, for options that go before the verb.
    """
    single = absent.COMMANDS.get(command)
    if single is None:
        module = importlib.import_module(f'ros2cli.{command}')
        single = getattr(module, 'COMMAND', None)
    if single is not None:
        single.add_arguments(parser)
        parser.set_defaults(verb=single)
        return
    if hasattr(module, 'add_options'):
        module.add_options(parser)
    verbs: dict[str, Verb] = dict(sorted(module.VERBS.items()))
    subparsers = parser.add_subparsers(
        title='Commands',
        description=_listing({name: verb.help for name, verb in verbs.items()}),
        metavar=f'Call `ros2 {command} <command> -h` for more detailed usage.',
    )
    for name, verb in verbs.items():
        subparser = subparsers.add_parser(name, description=verb.help, formatter_class=RawDescriptionHelpFormatter)
        verb.add_arguments(subparser)
        subparser.set_defaults(verb=verb)


def _listing(entries: dict[str, str]) -> str:
    width = max(map(len, entries))
    return '\n'.join(f'{name:<{width}}  {line}' for name, line in entries.items())


def _line_buffer() -> None:
    reconfigure = getattr(sys.stdout, 'reconfigure', None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)
