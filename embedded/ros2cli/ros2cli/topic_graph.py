"""`ros2 topic`: list, info, type, find."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace

from rclpy.node import Node

from ros2cli.command import CommandError, Verb, nearest
from ros2cli.graph import NamesAndTypes, add_discovery_arguments, expand, open_graph, open_node, settle, topics
from ros2cli.interfaces import sought_type
from ros2cli.topic_types import find_topic


def _list_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('-t', '--show-types', action='store_true', help='Additionally show the topic type')
    _count_and_hidden(parser)
    parser.add_argument('-v', '--verbose', action='store_true', help='List full details about each topic')


def _count_and_hidden(parser: ArgumentParser) -> None:
    parser.add_argument('-c', '--count-topics', action='store_true', help='Only display the number of topics discovered')
    add_options(parser, default=SUPPRESS)


def add_options(parser: ArgumentParser, default: bool | str = False) -> None:
    """The option that goes before or after the verb; with the default SUPPRESS the one before it stands."""
    parser.add_argument(
        '--include-hidden-topics', action='store_true', default=default, help='Consider hidden topics as well'
    )


def _list(options: Namespace) -> None:
    with open_graph(options) as node:
        found = topics(node, options.include_hidden_topics)
        if options.count_topics:
            print(len(found))
        elif options.verbose:
            _print_counts(node, found)
        else:
            for name, types in found:
                print(f'{name} [{", ".join(types)}]' if options.show_types else name)


def _print_counts(node: Node, found: NamesAndTypes) -> None:
    for title, unit, count_of in (
        ('Published', 'publisher', node.count_publishers),
        ('Subscribed', 'subscriber', node.count_subscribers),
    ):
        print(f'{title} topics:')
        for name, types in found:
            count = count_of(name)
            if count:
                print(f' * {name} [{", ".join(types)}] {count} {unit}{"s" if count > 1 else ""}')
        print()


def _topic_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument('topic_name', help="Name of the ROS topic (e.g. '/chatter')")


def _info_arguments(parser: ArgumentParser) -> None:
    _topic_arguments(parser)
    parser.add_argument(
        '-v',
        '--verbose',
        action='store_true',
        help='Prints detailed information like the node name, node namespace, topic type, topic type hash, GUID, '
        'and QoS Profile of the publishers and subscribers to this topic',
    )


def _info(options: Namespace) -> None:
    with open_node(options) as node:
        topic, types = _known_topic(node, options)
        settle(node)
        end = '\n\n' if options.verbose else '\n'
        print(f'Type: {types[0] if len(types) == 1 else types}', end=end)
        for title, count, endpoints in (
            ('Publisher', node.count_publishers(topic), node.get_publishers_info_by_topic),
            ('Subscription', node.count_subscribers(topic), node.get_subscriptions_info_by_topic),
        ):
            print(f'{title} count: {count}', end=end)
            if options.verbose:
                for endpoint in endpoints(topic):
                    print(endpoint, end=end)


def _type(options: Namespace) -> None:
    with open_node(options) as node:
        _topic, types = _known_topic(node, options)
    for topic_type in types:
        print(topic_type)


def _known_topic(node: Node, options: Namespace) -> tuple[str, list[str]]:
    topic = expand(node, options.topic_name)
    types = find_topic(node, topic, options.spin_time)
    if not types:
        raise CommandError(f"Unknown topic '{topic}'{nearest(topic, [name for name, _ in topics(node, True)])}")
    return topic, types


def _find_arguments(parser: ArgumentParser) -> None:
    add_discovery_arguments(parser)
    parser.add_argument(
        'topic_type', help="Name of the ROS topic type to filter for (e.g. 'std_msgs/msg/String')"
    )
    _count_and_hidden(parser)


def _find(options: Namespace) -> None:
    wanted = sought_type(options.topic_type, 'msg')
    with open_graph(options) as node:
        found = [name for name, types in topics(node, options.include_hidden_topics) if wanted in types]
    if options.count_topics:
        print(len(found))
        return
    for name in found:
        print(name)


VERBS = {
    'list': Verb('Output a list of available topics', _list, _list_arguments),
    'info': Verb('Print information about a topic', _info, _info_arguments),
    'type': Verb("Print a topic's type", _type, _topic_arguments),
    'find': Verb('Output a list of available topics of a given type', _find, _find_arguments),
}
