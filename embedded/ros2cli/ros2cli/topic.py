"""`ros2 topic`: all its verbs."""

from __future__ import annotations

from ros2cli import topic_echo, topic_graph, topic_pub, topic_rate
from ros2cli.command import Verb

add_options = topic_graph.add_options
VERBS: dict[str, Verb] = {**topic_graph.VERBS, **topic_echo.VERBS, **topic_pub.VERBS, **topic_rate.VERBS}
