"""`ros2 run PACKAGE EXECUTABLE ...`: signals go on to the executable, its exit code comes back."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from argparse import REMAINDER, ArgumentParser, Namespace
from pathlib import Path

from ros2cli.command import CommandError, Verb, nearest
from ros2cli.pkg import executables

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
FROM_KERNEL = 0x80   # siginfo si_code SI_KERNEL: a key in the terminal, which sends it to the whole foreground group


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        '--prefix',
        help='Prefix command, which should go before the executable. Command must be wrapped in quotes if it contains '
        "spaces (e.g. --prefix 'gdb -ex run --args').",
    )
    parser.add_argument('package_name', help='Name of the ROS package')
    parser.add_argument('executable_name', help='Name of the executable')
    parser.add_argument('argv', nargs=REMAINDER, help='Pass arbitrary arguments to the executable')


def _run(options: Namespace) -> int:
    path = _find(options.package_name, options.executable_name)
    try:
        prefix = shlex.split(options.prefix or '')
    except ValueError as error:
        raise CommandError(f'--prefix: {error}') from error
    return _supervise([*prefix, str(path), *options.argv])


def _find(package: str, name: str) -> Path:
    known = executables(package)
    found = [path for path in known if path.name == name]
    if not found:
        names = sorted({path.name for path in known})
        raise CommandError(f"No executable found: '{name}' in package '{package}'{nearest(name, names)}")
    if len(found) > 1:
        raise CommandError('Multiple executables found:' + ''.join(f'\n- {path}' for path in found))
    return found[0]


def _supervise(command: list[str]) -> int:
    """Runs a command to its end; a negative exit code -N means that signal N ended it, as subprocess has it."""
    awaited = {*FORWARDED, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    try:
        process = subprocess.Popen(command, preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before))
    except OSError as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise CommandError(f"Cannot run '{command[0]}': {error.strerror}") from error
    while process.poll() is None:
        received = signal.sigwaitinfo(awaited)
        if received.si_signo in FORWARDED and received.si_code != FROM_KERNEL:
            os.kill(process.pid, received.si_signo)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    code = process.returncode
    if code < 0:
        print(f'[ros2run]: {signal.strsignal(-code)}')
    elif code > 0:
        print(f'[ros2run]: Process exited with failure {code}')
    return code


COMMAND = Verb('Run a package specific executable', _run, _arguments)
