"""Does another driver command this robot? Two of them would pull it to and fro, so the later one yields.

That another publisher of commands is listed does not tell which of two came first, and one that was killed stays listed until
its lease ends, 20 s by default. So each driver says when it started and whether it drives already, and hears the others: the
least number stays.
"""

from __future__ import annotations

import time

from rclpy.node import Node
from std_msgs.msg import UInt64

from dreamer_node import qos

NEW = 1 << 63
"""Added to the start time of a driver that does not know the others yet: it yields to each that does, whatever the clocks say."""

ADVICE = 'a robot has one driver: stop the other one, or start this one in another namespace'


class Rivals:
    """Other drivers of one robot. To be made before the publisher of commands: who finds that one knows this one.

    Args:
        node: whose topics are used. An executor has to spin it.
        topic: of the commands.
        discovery_time: s of wall time in which those that are there already are found.
    """

    def __init__(self, node: Node, topic: str, discovery_time: float) -> None:
        self._node = node
        self._topic = node.resolve_topic_name(topic)
        self._start_topic = f'{self._topic}/driver_start_time'
        self._rank = NEW + time.time_ns()
        self._look_ends = time.monotonic() + discovery_time
        self._known = False
        self._fault = ''
        self._subscription = node.create_subscription(UInt64, self._start_topic, self._on_start, qos.START_TIMES)
        self._publisher = node.create_publisher(UInt64, self._start_topic, qos.LATCHED)
        self._publisher.publish(UInt64(data=self._rank))

    @property
    def known(self) -> bool:
        """Time enough has passed to find the others."""
        return self._known

    def fault(self) -> str:
        """Why this driver has to yield; empty when it need not. To be asked often, costs nothing once `known`."""
        if not self._known and time.monotonic() >= self._look_ends:
            self._known = True
            self._refuse_strangers()
            if not self._fault:
                self._rank -= NEW
                self._publisher.publish(UInt64(data=self._rank))
        return self._fault

    def close(self) -> None:
        """Hear no more, and be found no more."""
        self._node.destroy_subscription(self._subscription)
        self._node.destroy_publisher(self._publisher)

    def _on_start(self, message: UInt64) -> None:
        # The same, and what it was before, is its own.
        if message.data < self._rank:
            self._fault = f'{self._topic}: another driver was there before this one; {ADVICE}'

    def _refuse_strangers(self) -> None:
        """Yield to publishers of commands that were there first and do not say when they started."""
        own = self._node.get_fully_qualified_name()
        commanding = self._node.get_publishers_info_by_topic(self._topic)
        if len(commanding) > self._node.count_publishers(self._start_topic):
            names = {f'{info.node_namespace.rstrip("/")}/{info.node_name}' for info in commanding} - {own}
            self._fault = f'{self._topic}: already published by {", ".join(sorted(names)) or own}; {ADVICE}'
