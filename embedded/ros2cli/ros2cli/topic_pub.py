"""`ros2 topic pub`: one message, once, a number of times or at a rate."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from time import monotonic
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node

from ros2cli.command import CommandError, Verb, nearest, positive_float, unsigned_float, unsigned_int
from ros2cli.filling import fill, read_values
from ros2cli.graph import LIST_SECONDS, add_node_arguments, expand, open_node, topics, types_of, wait_until
from ros2cli.interfaces import full_name, load
from ros2cli.qos import add_qos_arguments, requested_qos

NOTICE_SECONDS = 1.0   # between two lines that say that nobody listens
ACKNOWLEDGED_SECONDS = 5.0   # at most, until reliable readers have what was published


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument('topic_name', help="Name of the ROS topic to publish to (e.g. '/chatter')")
    parser.add_argument('message_type', help="Type of the ROS message (e.g. 'std_msgs/msg/String')")
    values = parser.add_mutually_exclusive_group()
    values.add_argument(
        'values',
        nargs='?',
        default='{}',
        help="Values to fill the message with in YAML format (e.g. 'data: Hello World'), "
        'otherwise the message will be published with default values',
    )
    values.add_argument('--stdin', action='store_true', help='Read values from standard input')
    parser.add_argument(
        '-r', '--rate', metavar='N', type=positive_float, default=1.0, help='Publishing rate in Hz (default: 1)'
    )
    parser.add_argument(
        '-p', '--print', metavar='N', type=unsigned_int, default=1,
        help='Only print every N-th published message (default: 1); 0 = none',
    )
    times = parser.add_mutually_exclusive_group()
    times.add_argument('-1', '--once', action='store_true', help='Publish one message and exit')
    times.add_argument(
        '-t', '--times', metavar='N', type=unsigned_int, default=0, help='Publish this number of times and then exit'
    )
    parser.add_argument(
        '-w', '--wait-matching-subscriptions', metavar='N', type=unsigned_int, default=None,
        help='Wait until finding the specified number of matching subscriptions. '
        'Defaults to 1 when using "-1"/"--once"/"--times", otherwise defaults to 0.',
    )
    parser.add_argument(
        '--max-wait-time-secs', metavar='N', type=positive_float,
        help='The longest to wait for matching subscriptions; without it there is no limit',
    )
    parser.add_argument(
        '--keep-alive', metavar='N', type=positive_float, default=0.1,
        help='Keep publishing node alive for N seconds after the last msg (default: 0.1)',
    )
    parser.add_argument('-n', '--node-name', default='', help='Name of the created publishing node')
    add_qos_arguments(parser, 'publish', 'default')
    parser.add_argument(
        '--spin-time', metavar='SPIN_TIME', type=unsigned_float, default=0.0, help='Time in seconds to wait for discovery'
    )
    add_node_arguments(parser)


def _run(options: Namespace) -> None:
    kind = load(options.message_type, 'msg')
    values = read_values(sys.stdin.read() if options.stdin else options.values)
    message = kind()
    setters = fill(message, values, expand_time=True)
    times = 1 if options.once else options.times
    wanted = options.wait_matching_subscriptions
    if wanted is None:
        wanted = 1 if times else 0
    if wanted == 0 and options.max_wait_time_secs is not None:
        raise CommandError('--max-wait-time-secs option is only effective with --wait-matching-subscriptions, --once or --times')
    with open_node(options, options.node_name) as node:
        topic = expand(node, options.topic_name)
        wait_until(node, lambda: False, options.spin_time)
        publisher = node.create_publisher(kind, topic, requested_qos(options))
        _wait_for_subscriptions(node, publisher, wanted, options)
        print('publisher: beginning loop')
        count = 0

        def publish() -> None:
            nonlocal count
            stamp = node.get_clock().now().to_msg()
            for set_time in setters:
                set_time(stamp)
            count += 1
            if options.print and count % options.print == 0:
                print(f'publishing #{count}: {message!r}\n')
            publisher.publish(message)

        publish()
        if times != 1:
            timer = node.create_timer(1.0 / options.rate, publish)
            wait_until(node, lambda: 0 < times <= count, None, poll=0.1)
            node.destroy_timer(timer)
        # A reader that was matched here may not know this publisher yet; then the message reaches it a little later.
        wait_until(node, lambda: publisher.wait_for_all_acked(Duration()), ACKNOWLEDGED_SECONDS)
        wait_until(node, lambda: False, options.keep_alive)


def _wait_for_subscriptions(node: Node, publisher: Any, wanted: int, options: Namespace) -> None:
    """Says every second that it waits; a subscriber of another type is an error, as it will never match."""
    start = monotonic()
    limit = options.max_wait_time_secs
    while publisher.get_subscription_count() < wanted:
        waited = monotonic() - start
        if limit is not None and waited >= limit:
            raise CommandError(
                f'Timed out waiting for subscribers: Expected {wanted} subscribers '
                f'but only got {publisher.get_subscription_count()} subscribers'
            )
        if waited > LIST_SECONDS:
            _check_type(node, publisher.topic_name, full_name(options.message_type, 'msg'))
        print(f'Waiting for at least {wanted} matching subscription(s)...')
        pause = NOTICE_SECONDS if limit is None else min(NOTICE_SECONDS, limit - waited)
        wait_until(node, lambda: publisher.get_subscription_count() >= wanted, pause)


def _check_type(node: Node, topic: str, kind: str) -> None:
    found = topics(node, include_hidden=True)
    others = [other for other in types_of(found, topic) if other != kind]
    if others:
        raise CommandError(f"Nobody takes {kind} on '{topic}': its type there is {', '.join(others)}{nearest(kind, others)}")


VERBS = {'pub': Verb('Publish a message to a topic', _run, _arguments)}
