"""A node of our own that looks at the ROS graph, and waiting for what it should see.

There is no daemon: every command discovers the graph anew, so a list waits until nothing new appears, and a command
about one topic, service or node waits until that one is there.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple

import rclpy
from rclpy.exceptions import InvalidTopicNameException
from rclpy.executors import ExternalShutdownException
from rclpy.expand_topic_name import expand_topic_name
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from rclpy.validate_full_topic_name import validate_full_topic_name

from ros2cli import interrupt
from ros2cli.command import CommandError, nearest, unsigned_float

# A process that runs is mostly seen within 0.1 s, but one in three only with its next periodic announcement:
# within 3 s by default (measured 0.6 to 2.7 s), within 0.9 s where the Fast DDS profile announces every 0.5 s
# (2.7 s where it gets too little of the processor to announce itself in time).
FIND_SECONDS = 3.5      # until a thing that is asked for by name counts as not there
LIST_SECONDS = 1.5      # a list waits at least this long,
EMPTY_SECONDS = 3.5     # or this long while no other node is seen,
SETTLED_SECONDS = 0.5   # and until nothing has changed for this long
POLL_SECONDS = 0.02

NamesAndTypes = list[tuple[str, list[str]]]


class NodeName(NamedTuple):
    """A node's name, namespace and both together."""

    name: str
    namespace: str

    @property
    def full(self) -> str:
        return self.namespace.rstrip('/') + '/' + self.name


def add_discovery_arguments(parser: ArgumentParser) -> None:
    """The options of every command that looks at the graph."""
    parser.add_argument(
        '--spin-time', metavar='SPIN_TIME', type=unsigned_float, default=None, help='Time in seconds to wait for discovery'
    )
    add_node_arguments(parser)
    parser.add_argument('--no-daemon', action='store_true', help='Accepted and without effect: there is no daemon')


def add_node_arguments(parser: ArgumentParser) -> None:
    """The options of every command that has a node."""
    parser.add_argument('-s', '--use-sim-time', action='store_true', help='Enable ROS simulation time')


@contextmanager
def open_node(options: Namespace | None = None, name: str = '') -> Iterator[Node]:
    """An rclpy node named after this process, hidden from lists, without services of its own."""
    # Python's own handlers stay: Ctrl-C raises KeyboardInterrupt wherever the command is.
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    sim_time = Parameter('use_sim_time', value=bool(getattr(options, 'use_sim_time', False)))
    node = None
    try:
        try:
            node = rclpy.create_node(
                name or f'_ros2cli_{os.getpid()}',
                start_parameter_services=False,
                enable_rosout=False,
                parameter_overrides=[sim_time],
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        yield node
    except ExternalShutdownException as error:
        raise KeyboardInterrupt from error
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


@contextmanager
def open_graph(options: Namespace) -> Iterator[Node]:
    """A node that has seen the whole graph, as far as that can be known (or for --spin-time seconds)."""
    with open_node(options) as node:
        settle(node, options.spin_time)
        yield node


def settle(node: Node, seconds: float | None = None) -> None:
    """Waits for the graph to be complete: for `seconds`, or by default until it has stopped growing."""
    start = monotonic()
    seen = _snapshot(node)
    changed = start
    while True:
        now = monotonic()
        present = _snapshot(node)
        if present != seen:
            seen, changed = present, now
        if seconds is not None:
            is_done = now - start >= seconds
        else:
            least = LIST_SECONDS if len(present[0]) > 1 else EMPTY_SECONDS
            is_done = now - start >= least and now - changed >= SETTLED_SECONDS
        if is_done or now - start >= max(FIND_SECONDS, seconds or 0.0):
            return
        spin_for(node, POLL_SECONDS)


def wait_until(
    node: Node, condition: Callable[[], bool], seconds: float | None, poll: float = POLL_SECONDS
) -> bool:
    """Spins until the condition holds; False after `seconds` (None = no deadline). Looks at least every `poll` seconds."""
    deadline = None if seconds is None else monotonic() + seconds
    while not condition():
        if deadline is not None and monotonic() > deadline:
            return False
        spin_for(node, poll)
    return True


def patience(seconds: float | None, default: float = FIND_SECONDS) -> float:
    """How long to wait for a thing: as long as the user says, which may be no time at all."""
    return default if seconds is None else seconds


def spin_for(node: Node, seconds: float) -> None:
    """Handles at most one callback, waits at most `seconds`."""
    rclpy.spin_once(node, timeout_sec=seconds)
    interrupt.check()


def complete(node: Node, future: Any, seconds: float | None, what: str) -> Any:
    """The result of a call.

    Raises:
        CommandError: no answer in time, or the call failed.
    """
    if not wait_until(node, future.done, seconds):
        raise CommandError(f'{what} did not answer within {seconds:g} s')
    if future.exception() is not None:
        raise CommandError(f'Exception while calling {what}: {future.exception()}')
    return future.result()


def is_hidden(name: str) -> bool:
    """A name with a part that starts with an underscore."""
    return any(part.startswith('_') for part in name.split('/'))


def node_names(node: Node, include_hidden: bool = False) -> list[NodeName]:
    """All nodes of the graph but our own, in the order of their full names; names can repeat."""
    own = node.get_fully_qualified_name()
    names = [NodeName(name, namespace) for name, namespace in node.get_node_names_and_namespaces()]
    return sorted(
        (name for name in names if name.full != own and (include_hidden or not name.name.startswith('_'))),
        key=lambda name: name.full,
    )


def topics(node: Node, include_hidden: bool = False) -> NamesAndTypes:
    """Topics with their types, sorted."""
    return _visible(node.get_topic_names_and_types(), include_hidden)


def services(node: Node, include_hidden: bool = False) -> NamesAndTypes:
    """Services with their types, sorted."""
    return _visible(node.get_service_names_and_types(), include_hidden)


def find_node(
    node: Node, name: str, include_hidden: bool = False, seconds: float | None = None, missing: str = 'Node not found:'
) -> NodeName:
    """The node of that name (a leading / may be left out), as soon as it is seen.

    Raises:
        CommandError: not seen in time; begins with `missing` and names the nearest one.
    """
    wanted = name if name.startswith('/') else '/' + name

    def match() -> NodeName | None:
        return next((found for found in node_names(node, include_hidden) if found.full == wanted), None)

    wait_until(node, lambda: match() is not None, patience(seconds))
    found = match()
    if found is None:
        known = [other.full for other in node_names(node, include_hidden)]
        raise CommandError(f"{missing} '{wanted}'{nearest(wanted, known)}")
    return found


def find_service(node: Node, name: str, seconds: float | None = None) -> list[str]:
    """The types of the service of that full name, as soon as it is seen.

    Raises:
        CommandError: not seen in time; names the nearest one.
    """
    wait_until(node, lambda: bool(types_of(services(node, True), name)), patience(seconds))
    found = services(node, include_hidden=True)
    types = types_of(found, name)
    if not types:
        raise CommandError(f"Unknown service '{name}'{nearest(name, [known for known, _ in found])}")
    return types


def expand(node: Node, name: str) -> str:
    """The full name of a topic or service given relative to our node.

    Raises:
        CommandError: not a valid name.
    """
    try:
        full = expand_topic_name(name, node.get_name(), node.get_namespace())
        validate_full_topic_name(full)
    except (ValueError, InvalidTopicNameException) as error:
        raise CommandError(' '.join(str(error).split())) from error
    return full


def types_of(names_and_types: Iterable[tuple[str, list[str]]], name: str) -> list[str]:
    """The types of a name in a list of names and types; empty where it is not there."""
    return next((types for other, types in names_and_types if other == name), [])


def _visible(names_and_types: Iterable[tuple[str, list[str]]], include_hidden: bool) -> NamesAndTypes:
    return sorted((name, types) for name, types in names_and_types if include_hidden or not is_hidden(name))


def _snapshot(node: Node) -> tuple[list[tuple[str, str]], NamesAndTypes, NamesAndTypes]:
    return (
        sorted(node.get_node_names_and_namespaces()),
        sorted(node.get_topic_names_and_types()),
        sorted(node.get_service_names_and_types()),
    )
