"""When the driver may know that nobody asks for an emergency stop."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import rclpy
from rclpy.duration import Duration
from std_msgs.msg import Bool

from dreamer_drivers import stop_sources
from dreamer_drivers.stop_sources import StopSources
from dreamer_node import qos
from dreamer_node.testing import wait_for


def test_the_start_waits_until_all_sources_can_have_been_found(ros: None, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(stop_sources, 'time', SimpleNamespace(monotonic=lambda: now))
    node = rclpy.create_node('stops', namespace='/stop_sources_test')
    heard: list[bool] = []
    sources = StopSources(node, heard.append, 2.0)
    for now in (100.0, 100.3, 101.5, 101.99):
        sources.tick()
        assert not sources.known, now
    late = node.create_publisher(Bool, 'emergency_stop', qos.LATCHED)
    late.publish(Bool(data=True))
    # Three that always listen, and the survey's.
    wait_for(lambda: late.get_subscription_count() == 4, 'all readers')
    assert late.wait_for_all_acked(Duration(seconds=20))
    now = 102.01
    sources.tick()
    assert sources.known
    assert heard == [True]
    sources.close()
    node.destroy_node()


def test_the_start_waits_longer_for_one_that_is_found_but_has_not_said_anything(
        ros: None, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(stop_sources, 'time', SimpleNamespace(monotonic=lambda: now))
    node = rclpy.create_node('stops', namespace='/stop_sources_test')
    silent = node.create_publisher(Bool, 'emergency_stop', qos.LATCHED)
    wait_for(lambda: node.count_publishers('emergency_stop') == 1, 'the publisher')
    sources = StopSources(node, lambda requested: None, 2.0)
    for now in (102.01, 102.99, 103.01):
        sources.tick()
        assert sources.known == (now > 103.0)
    sources.close()
    node.destroy_publisher(silent)
    node.destroy_node()
