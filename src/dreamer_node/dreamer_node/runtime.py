"""Start, spin and stop a node: one executor and one process for one control loop."""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, ParameterUninitializedException
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from dreamer_learning.config import ConfigError
from dreamer_node.deadline import end_after
from dreamer_node.parameters import check_parameters
from dreamer_node.start import NOT_MADE

DISMANTLE_TIME = 4.0
"""s in which the process ends once its node is closed; launch sends SIGKILL 10 s after SIGINT."""

USER_ERRORS = (ConfigError, InvalidParameterTypeException, ParameterUninitializedException)


class Stop:
    """Set by SIGINT and SIGTERM, or by the node itself; the loop ends at the next look at it."""

    def __init__(self) -> None:
        self.code: int | None = None

    def request(self, code: int = 0) -> None:
        """End the process with this exit code. The first request counts."""
        if self.code is None:
            self.code = code

    def on_signal(self, signum: int, frame: FrameType | None) -> None:
        self.request(0)


def run_node(factory: Callable[[], Node], args: Sequence[str] | None = None, setup: Callable[[Node], None] | None = None) -> int:
    """Run one node until it asks to stop or a signal arrives; returns the exit code.

    `setup` is called with the node before it runs (realtime.prepare, of nodes of the control path).

    The node gets an attribute `stop: Stop` with which it can end itself, and may have a method `close()` that runs on the
    way out. Further signals do not interrupt `close`: what it saves is saved. A ConfigError, arguments that ROS cannot
    read, and a parameter that the node does not have end with one line and exit code 2; any other exception before the node
    runs, but for OSError, ends with exit code NOT_MADE. With PYTHONFAULTHANDLER=1 a process that hangs shows where: at SIGTERM,
    and where the middleware takes long to end.
    """
    stop = Stop()
    signal.signal(signal.SIGINT, stop.on_signal)
    signal.signal(signal.SIGTERM, stop.on_signal)
    tracing = faulthandler.is_enabled()  # now: EventsExecutor enables it for crashes
    if tracing:
        faulthandler.register(signal.SIGTERM, chain=True)
    arguments = list(sys.argv if args is None else args)
    fault = _fault(arguments)
    if fault:
        print(f'error: {fault}', file=sys.stderr)
        return 2
    rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    node: Node | None = None
    executor: Executor | None = None
    made = False
    try:
        node = factory()
        node.stop = stop  # type: ignore[attr-defined]
        if setup is not None:
            setup(node)
        check_parameters(node, arguments)
        executor = make_executor()
        executor.add_node(node)
        made = True
        while stop.code is None and rclpy.ok():
            executor.spin_once(timeout_sec=0.1)
    except USER_ERRORS as error:
        print(f'error: {error}', file=sys.stderr, flush=True)
        stop.request(2)
    except Exception as error:
        # A disk that is full or away may come back; what else fails in the making fails again.
        if made or isinstance(error, OSError):
            raise
        traceback.print_exc()
        stop.request(NOT_MADE)
    finally:
        try:
            close = getattr(node, 'close', None)
            if close is not None:
                close()
        finally:
            _dismantle(node, executor, stop, tracing)
    return stop.code or 0


def _fault(arguments: Sequence[str]) -> str:
    """What is wrong with a command line; empty = nothing."""
    try:
        unknown = remove_ros_args(arguments)[1:]
    except RuntimeError as error:
        # rcl ends its messages with places in its own source.
        reason = re.sub(r', at \S+:\d+', '', str(error)).removeprefix('Failed to parse ROS arguments: ')
        return f'what follows --ros-args cannot be used: {" ".join(reason.split())}'
    return f'unexpected argument {unknown[0]!r}; parameters are given after --ros-args' if unknown else ''


def _dismantle(node: Node | None, executor: Executor | None, stop: Stop, tracing: bool) -> None:
    """Take the middleware apart, the last thing that the process does. What matters is saved by now: if this hangs or fails,
    the process ends all the same."""
    end_after(DISMANTLE_TIME, 1 if stop.code is None else stop.code)  # None: an exception is on its way out
    if tracing:
        faulthandler.dump_traceback_later(DISMANTLE_TIME / 2)
    try:
        if executor is not None and node is not None:
            executor.remove_node(node)
            executor.shutdown(timeout_sec=0.5)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    except Exception as error:
        print(f'warning: the middleware did not end cleanly: {error}', file=sys.stderr, flush=True)


def make_executor() -> Executor:
    """The executor with the least jitter: EventsExecutor where rclpy has it."""
    try:
        from rclpy.experimental import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor()
    return EventsExecutor()


def config_dir(node: Node) -> Path:
    """Declare and read the parameter `config_dir`; empty means the one that dreamer_bringup installs."""
    value = declare(node, 'config_dir', '', 'folder with robots/, tasks/ and agents/; empty = that of dreamer_bringup')
    return Path(value) if value else shipped_config()


def shipped_config() -> Path:
    """The configuration folder that dreamer_bringup installs.

    Raises:
        ConfigError: the package is not installed.
    """
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        return Path(get_package_share_directory('dreamer_bringup')) / 'config'
    except PackageNotFoundError:
        raise ConfigError('config_dir: not given, and the package dreamer_bringup is not installed') from None


def declare(node: Node, name: str, default: Any, description: str) -> Any:
    """Declare a read-only parameter with its description and return its value."""
    from rcl_interfaces.msg import ParameterDescriptor

    descriptor = ParameterDescriptor(description=description, read_only=True)
    return node.declare_parameter(name, default, descriptor).value


def lower_priority(step: int = 10) -> None:
    """Let control loops go first when processes compete for a core."""
    if hasattr(os, 'nice'):
        os.nice(step)
