"""`ros2 topic echo`: messages as YAML, CSV, one field, or raw bytes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from types import CodeType
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node

from ros2cli.command import CommandError, Verb, nearest, positive_float, unsigned_int
from ros2cli.conversion import Shortening, message_to_csv, message_to_yaml, to_yaml
from ros2cli.graph import LIST_SECONDS, add_discovery_arguments, expand, open_node, patience, wait_until
from ros2cli.interfaces import load
from ros2cli.qos import add_qos_arguments, subscription_qos
from ros2cli.topic_types import message_class

TRUNCATE_LENGTH = 128
WAIT_SECONDS = 0.1   # between two looks at signals; messages are handled as they come


def _arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('topic_name', help="Name of the ROS topic to listen to (e.g. '/chatter')")
    parser.add_argument('message_type', nargs='?', help="Type of the ROS message (e.g. 'std_msgs/msg/String')")
    add_qos_arguments(parser, 'subscribe', 'sensor_data')
    add_format_arguments(parser)
    parser.add_argument(
        '--field', help="Echo a selected field of a message. Use '.' to select sub-fields, for example pose.pose.position"
    )
    parser.add_argument('--no-lost-messages', action='store_true', help="Don't report when a message is lost")
    parser.add_argument('--raw', action='store_true', help='Echo the raw binary representation')
    parser.add_argument(
        '--filter',
        dest='filter_expr',
        metavar='EXPR',
        help='Python expression to filter messages that are printed; m is the message',
    )
    parser.add_argument('--once', action='store_true', help='Print the first message received and then exit.')
    parser.add_argument('--timeout', metavar='N', type=positive_float, help='Set a timeout in seconds for waiting')
    parser.add_argument('-i', '--include-message-info', action='store_true', help='Shows the associated message info.')


def add_format_arguments(parser: ArgumentParser) -> None:
    """The options of how a message is printed."""
    parser.add_argument('--csv', action='store_true', help='Output all recursive fields separated by commas (e.g. for plotting)')
    parser.add_argument(
        '-f', '--full-length', action='store_true', help='Output all elements of arrays, bytes, and strings'
    )
    parser.add_argument(
        '-l',
        '--truncate-length',
        metavar='N',
        type=unsigned_int,
        default=TRUNCATE_LENGTH,
        help=f'The length to truncate arrays, bytes, and strings to (default: {TRUNCATE_LENGTH})',
    )
    parser.add_argument('--no-arr', action='store_true', help="Don't print array fields of messages")
    parser.add_argument('--no-str', action='store_true', help="Don't print string fields of messages")
    parser.add_argument(
        '--flow-style', action='store_true', help='Print collections in the flow style (not available with csv format)'
    )


def shortening(options: Namespace) -> Shortening:
    """What those options leave out."""
    return Shortening(None if options.full_length else options.truncate_length, options.no_arr, options.no_str)


def compile_filter(expression: str | None) -> Callable[[Any], bool] | None:
    """A predicate of a message `m` from a Python expression.

    Raises:
        CommandError: not an expression; the predicate itself raises it where the expression fails.
    """
    if expression is None:
        return None
    try:
        code: CodeType = compile(expression, '--filter', 'eval')
    except SyntaxError as error:
        raise CommandError(f"--filter '{expression}' is not a Python expression: {error.msg}") from error

    def predicate(message: Any) -> bool:
        try:
            return bool(eval(code, {}, {'m': message}))
        except Exception as error:
            raise CommandError(f"--filter '{expression}' failed: {error}") from error

    return predicate


class Echo:
    """Prints the messages of one subscription as the options say."""

    def __init__(self, options: Namespace) -> None:
        self._options = options
        self._path = [part for part in (options.field or '').split('.') if part]
        if options.field is not None and not self._path:
            raise CommandError(f"Invalid field value '{options.field}'")
        self._accepts = compile_filter(options.filter_expr)
        self._shortening = shortening(options)
        self.printed = 0

    def take(self, message: Any, info: Any) -> None:
        """Prints a message unless the filter leaves it out; `info` is rclpy's mapping of stamps and numbers."""
        value = self._select(message)
        if self._accepts is not None and not self._accepts(value):
            return
        self.printed += 1
        if self._options.once and self.printed > 1:
            return
        self._print(value, info)

    def _select(self, message: Any) -> Any:
        value = message
        for name in self._path:
            if not hasattr(value, name):
                fields = value.get_fields_and_field_types() if hasattr(value, 'get_fields_and_field_types') else {}
                raise CommandError(
                    f"Invalid field '{'.'.join(self._path)}': {type(value).__name__} has no '{name}'{nearest(name, fields)}"
                )
            value = getattr(value, name)
        return value

    def _print(self, value: Any, info: Any) -> None:
        show_info = self._options.include_message_info
        if not hasattr(value, 'get_fields_and_field_types'):
            if show_info:
                print(f'---Got new message, message info:---\n{info}\n---Message data:---')
            print(value, end='\n---\n')
        elif self._options.csv:
            head = ''.join(f'{number},' for number in info.values()) if show_info else ''
            print(head + message_to_csv(value, self._shortening))
        else:
            if show_info:
                print(to_yaml(dict(info)), end='---\n')
            print(message_to_yaml(value, self._shortening, self._options.flow_style), end='---\n')


def _report_lost(status: Any) -> None:
    print(
        f'A message was lost!!!\n\ttotal count change:{status.total_count_change}\n\ttotal count: {status.total_count}',
        end='---\n',
    )


def _run(options: Namespace) -> None:
    echo = Echo(options)
    with open_node(options) as node:
        topic = expand(node, options.topic_name)
        kind = _class_of(node, topic, options)
        events = None if options.no_lost_messages else SubscriptionEventCallbacks(message_lost=_report_lost)
        qos = subscription_qos(node, topic, options)
        # rclpy gives a callback of two parameters the message's info too, which its annotation does not say.
        take: Any = echo.take
        node.create_subscription(kind, topic, take, qos, event_callbacks=events, raw=options.raw)
        wait_until(node, lambda: options.once and echo.printed > 0, options.timeout, WAIT_SECONDS)


def _class_of(node: Node, topic: str, options: Namespace) -> Any:
    if options.message_type is None:
        return message_class(node, topic, options.spin_time)
    kind = load(options.message_type, 'msg')
    # The quality of service follows the publishers, so give them a moment to be seen; none is no error.
    wait_until(node, lambda: node.count_publishers(topic) > 0, patience(options.spin_time, LIST_SECONDS))
    return kind


VERBS = {'echo': Verb('Output messages from a topic', _run, _arguments)}
