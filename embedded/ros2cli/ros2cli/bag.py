"""`ros2 bag` is not part of this command: it says what to install."""

from __future__ import annotations

from argparse import REMAINDER, ArgumentParser, Namespace

from ros2cli.command import CommandError, Verb


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument('argv', nargs=REMAINDER, help='Taken and not used')


def _run(_options: Namespace) -> int:
    raise CommandError(
        'ros2 bag needs a ROS 2 installation (Debian package ros-jazzy-rosbag2, ros-jazzy-rosbag2-storage-mcap); '
        "without one, the Python package 'rosbags' reads and converts bags (rosbags-convert)"
    )


COMMAND = Verb('Various rosbag related sub-commands (not included here)', _run, _arguments)
