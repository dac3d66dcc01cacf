import rclpy
from std_msgs.msg import String

from dreamer_node.node import Node


def test_publishers_and_subscriptions_watch_for_no_qos_events() -> None:
    rclpy.init()
    node = Node('quiet', parameter_overrides=[rclpy.Parameter('use_sim_time', value=True)])
    publisher = node.create_publisher(String, 'text', 1)
    subscription = node.create_subscription(String, 'text', print, 1)
    assert not list(node.waitables)
    assert not publisher.event_handlers
    assert not subscription.event_handlers
    node.destroy_node()
    rclpy.shutdown()
