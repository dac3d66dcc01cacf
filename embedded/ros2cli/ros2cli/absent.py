"""The stock commands and verbs that are not part of this `ros2`: each says what to install."""

from __future__ import annotations

from argparse import Namespace

from ros2cli.command import CommandError, Verb


def absent(name: str, help_line: str, package: str, instead: str = '') -> Verb:
    """A verb that takes any arguments and only says where `ros2 NAME` is to be had."""

    def run(_options: Namespace) -> int:
        raise CommandError(f'ros2 {name} needs a ROS 2 installation (Debian package {package}){instead}')

    return Verb(f'{help_line} (not included here)' if help_line else '', run, takes_anything=True)


# Those without a line are not in the list of commands, there as here.
COMMANDS = {
    name: absent(name, *rest) for name, *rest in (
        (
            'bag', 'Various rosbag related sub-commands', 'ros-jazzy-rosbag2, ros-jazzy-rosbag2-storage-mcap',
            "; without one, the Python package 'rosbags' reads and converts bags (rosbags-convert)",
        ),
        ('component', 'Various component related sub-commands', 'ros-jazzy-ros2component'),
        ('control', 'Various control related sub-commands', 'ros-jazzy-ros2controlcli'),
        ('doctor', 'Check ROS setup and other potential issues', 'ros-jazzy-ros2doctor'),
        ('extension_points', '', 'ros-jazzy-ros2cli'),
        ('extensions', '', 'ros-jazzy-ros2cli'),
        ('multicast', 'Various multicast related sub-commands', 'ros-jazzy-ros2multicast'),
        ('security', 'Various security related sub-commands', 'ros-jazzy-sros2'),
        ('test', 'Run a ROS2 launch test', 'ros-jazzy-ros2test'),
        ('trace', 'Trace ROS nodes to get information on their execution', 'ros-jazzy-ros2trace'),
        ('wtf', 'Use `wtf` as alias to `doctor`', 'ros-jazzy-ros2doctor'),
    )
}
