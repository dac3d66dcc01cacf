"""What every node of the suite is."""

from __future__ import annotations

from typing import Any

from rclpy import node
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription


class Node(node.Node):
    """A node without QoS event callbacks, but for those that are asked for.

    EventsExecutor takes a lock of the middleware when it begins to watch for QoS events, and a thread of Fast DDS that meets a
    new peer takes the same locks in the other order: the node would hang at its start for ever (ros2/rmw_fastrtps, pull request
    890). Publishers and subscriptions whose QoS does not go together are therefore not logged; `ros2 topic info -v` shows them.
    """

    def create_publisher(self, *args: Any, event_callbacks: PublisherEventCallbacks | None = None, **more: Any) -> Publisher:
        """As rclpy's."""
        callbacks = event_callbacks or PublisherEventCallbacks(use_default_callbacks=False)
        return super().create_publisher(*args, event_callbacks=callbacks, **more)

    def create_subscription(
            self, *args: Any, event_callbacks: SubscriptionEventCallbacks | None = None, **more: Any) -> Subscription:
        """As rclpy's."""
        callbacks = event_callbacks or SubscriptionEventCallbacks(use_default_callbacks=False)
        return super().create_subscription(*args, event_callbacks=callbacks, **more)
