import time
from collections.abc import Iterator

import pytest
import rclpy
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import UInt64

from dreamer_node.qos import STEPS_KEPT, STEPS_QUEUED


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    rclpy.init()
    pair = rclpy.create_node('writer'), rclpy.create_node('reader')
    yield pair
    for node in pair:
        node.destroy_node()
    rclpy.shutdown()


def test_a_busy_reader_of_steps_loses_none(nodes: tuple[Node, Node]) -> None:
    writer, reader = nodes
    received: list[int] = []

    def note(message: UInt64) -> None:
        received.append(message.data)

    publisher = writer.create_publisher(UInt64, 'steps', STEPS_KEPT)
    publisher.publish(UInt64(data=0))
    reader.create_subscription(UInt64, 'steps', note, STEPS_QUEUED)
    executor = SingleThreadedExecutor()
    executor.add_node(reader)

    def receive(count: int) -> None:
        deadline = time.monotonic() + 10
        while len(received) < count and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)

    receive(1)
    assert received == [0], 'who comes late gets what was published before'
    for step in range(1, 901):
        publisher.publish(UInt64(data=step))
        if step % 20 == 0:
            assert publisher.wait_for_all_acked(Duration(seconds=10.0))
    assert received == [0]
    receive(901)
    assert received == list(range(901))
