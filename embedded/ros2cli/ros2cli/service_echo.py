"""`ros2 service echo`: the requests and responses of a service, where its server or a client publishes them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from rclpy.qos import QoSPresetProfiles
from service_msgs.msg import ServiceEventInfo

from ros2cli.command import Verb
from ros2cli.conversion import message_to_csv, message_to_dict, to_yaml
from ros2cli.graph import add_discovery_arguments, expand, find_service, open_node, patience, wait_until
from ros2cli.interfaces import load
from ros2cli.topic_echo import WAIT_SECONDS, add_format_arguments, shortening

EVENT_NAMES = {
    getattr(ServiceEventInfo, name): name
    for name in ('REQUEST_SENT', 'REQUEST_RECEIVED', 'RESPONSE_SENT', 'RESPONSE_RECEIVED')
}


def _arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('service_name', help="Name of the ROS service to echo (e.g. '/add_two_ints')")
    parser.add_argument('service_type', nargs='?', help="Type of the ROS service (e.g. 'std_srvs/srv/SetBool')")
    add_format_arguments(parser)


def _run(options: Namespace) -> None:
    with open_node(options) as node:
        name = expand(node, options.service_name)
        kind = load(options.service_type or find_service(node, name, options.spin_time)[0], 'srv')
        topic = f'{name}/_service_event'
        qos = QoSPresetProfiles.get_from_short_key('services_default')
        subscription = node.create_subscription(kind.Event, topic, lambda event: _print(event, options), qos)
        if not wait_until(node, lambda: subscription.get_publisher_count() > 0, patience(options.spin_time)):
            print(f"No publishers on topic '{topic}'; is service introspection on the client or server enabled?")
        wait_until(node, lambda: False, None, WAIT_SECONDS)


def _print(event: Any, options: Namespace) -> None:
    if options.csv:
        print(message_to_csv(event, shortening(options)))
        return
    values = message_to_dict(event, shortening(options))
    values['info']['event_type'] = EVENT_NAMES.get(event.info.event_type, event.info.event_type)
    print(to_yaml(values, options.flow_style), end='---\n')


VERBS = {'echo': Verb('Echo a service', _run, _arguments)}
