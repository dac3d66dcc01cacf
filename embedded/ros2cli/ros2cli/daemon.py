"""`ros2 daemon`: start, status, stop. There is none: every command discovers the graph itself."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ros2cli.command import Verb


def _start_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('-d', '--debug', action='store_true', help='Accepted and without effect: there is no daemon')


def _run(_options: Namespace) -> None:
    print('The daemon is not running')


VERBS = {
    'start': Verb('Say that no daemon is running: this command does without one', _run, _start_arguments),
    'status': Verb('Output the status of the daemon', _run),
    'stop': Verb('Stop the daemon if it is running', _run),
}
