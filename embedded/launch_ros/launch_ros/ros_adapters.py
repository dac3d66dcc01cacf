"""The ROS node of the launch process itself; made when an action needs it."""

from __future__ import annotations

import contextlib
import os
import threading

import rclpy
from launch.launch_context import LaunchContext
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node


class ROSAdapter:
    """A node that spins in a thread of its own."""

    def __init__(self, argv: list[str] | None = None) -> None:
        self._context = Context()
        rclpy.init(args=argv, context=self._context)
        self._node: Node = rclpy.create_node(f'launch_ros_{os.getpid()}', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    @property
    def ros_node(self) -> Node:
        """The node."""
        return self._node

    def shutdown(self) -> None:
        """Stop spinning and destroy the node."""
        self._executor.shutdown()
        rclpy.try_shutdown(context=self._context)
        self._thread.join()
        self._node.destroy_node()


def get_ros_adapter(context: LaunchContext) -> ROSAdapter:
    """Return the adapter of this launch; it ends with the launch."""
    adapter = context.get_locals_as_dict().get('ros_adapter')
    if not isinstance(adapter, ROSAdapter):
        adapter = ROSAdapter(context.argv)
        context.extend_globals({'ros_adapter': adapter})
        made = adapter

        def end() -> None:
            context.extend_globals({'ros_adapter': None})
            made.shutdown()

        context.add_cleanup(end)
    return adapter


def get_ros_node(context: LaunchContext) -> Node:
    """Return the node of the launch process."""
    return get_ros_adapter(context).ros_node
