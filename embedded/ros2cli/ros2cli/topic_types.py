"""The message class of a topic that somebody publishes or subscribes to."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node

from ros2cli.command import CommandError, nearest
from ros2cli.graph import patience, topics, types_of, wait_until
from ros2cli.interfaces import load


def find_topic(node: Node, topic: str, seconds: float | None = None) -> list[str]:
    """The types of a topic, as soon as it is seen; empty where it is not."""
    wait_until(node, lambda: bool(types_of(topics(node, True), topic)), patience(seconds))
    return types_of(topics(node, True), topic)


def message_class(node: Node, topic: str, seconds: float | None = None, blocking: bool = False) -> Any:
    """The class of a topic's messages.

    Args:
        topic: full name.
        blocking: wait for a topic that is not there, with a warning.

    Raises:
        CommandError: not there in time, of more than one type, or of a type that is not installed.
    """
    types = find_topic(node, topic, seconds)
    if not types:
        print(f'WARNING: topic [{topic}] does not appear to be published yet')
        if not blocking:
            known = [name for name, _ in topics(node, True)]
            raise CommandError(f"Could not determine the type for the passed topic '{topic}'{nearest(topic, known)}")
        wait_until(node, lambda: bool(types_of(topics(node, True), topic)), None)
        types = types_of(topics(node, True), topic)
    if len(types) > 1:
        raise CommandError(f"Topic '{topic}' contains more than one type: [{', '.join(types)}]")
    return load(types[0], 'msg')
