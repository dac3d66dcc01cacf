import time
from collections.abc import Iterator

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from dreamer_node.diagnostics import RECENT, WARN, Diagnostics, Recent
from dreamer_node.qos import STANDARD


@pytest.fixture
def node() -> Iterator[Node]:
    rclpy.init()
    made = rclpy.create_node('watched', namespace='/a')
    yield made
    made.destroy_node()
    rclpy.shutdown()


def test_report_arrives_with_level_name_and_values(node: Node) -> None:
    received: list[DiagnosticArray] = []
    node.create_subscription(DiagnosticArray, '/diagnostics', received.append, STANDARD)
    diagnostics = Diagnostics(node, 'a1', period=0.02)
    diagnostics.add('gate', lambda: (WARN, 'late', {'refused': 3, 'age': 0.25}))
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    deadline = time.monotonic() + 10
    while not received and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.1)
    status = received[0].status[0]
    assert (status.level, status.name, status.message) == (DiagnosticStatus.WARN, 'a/watched: gate', 'late')
    assert status.hardware_id == 'a1'
    assert {item.key: item.value for item in status.values} == {'refused': '3', 'age': '0.25'}


def test_a_counter_is_news_for_ten_seconds_after_it_rose() -> None:
    now = 100.0
    recent = Recent(lambda: now)
    assert not recent.rose(0)
    assert recent.rose(2)
    now += RECENT - 0.1
    assert recent.rose(2)
    now += 0.2
    assert not recent.rose(2)
    assert recent.rose(3)
