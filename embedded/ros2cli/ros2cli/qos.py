"""Quality of service from the command line, and one that suits the publishers that are there."""

from __future__ import annotations

import copy
from argparse import ArgumentParser, Namespace
from typing import TypeVar

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import (
    QoSDurabilityPolicy,
    QoSHistoryPolicy,
    QoSLivelinessPolicy,
    QoSPresetProfiles,
    QoSProfile,
    QoSReliabilityPolicy,
)

from ros2cli.command import positive_float, unsigned_int

Policy = TypeVar('Policy', QoSReliabilityPolicy, QoSDurabilityPolicy)

POLICIES = {
    'history': QoSHistoryPolicy,
    'reliability': QoSReliabilityPolicy,
    'durability': QoSDurabilityPolicy,
    'liveliness': QoSLivelinessPolicy,
}


def add_qos_arguments(parser: ArgumentParser, purpose: str, default: str) -> None:
    """--qos-profile and what overrides parts of it; `purpose` is 'publish' or 'subscribe'."""
    parser.add_argument(
        '--qos-profile',
        choices=QoSPresetProfiles.short_keys(),
        default=default,
        help=f'Quality of service preset profile to {purpose} with (default: {default})',
    )
    parser.add_argument(
        '--qos-depth', metavar='N', type=unsigned_int, help=f'Queue size setting to {purpose} with (overrides the profile)'
    )
    for name, policy in POLICIES.items():
        parser.add_argument(
            f'--qos-{name}',
            choices=policy.short_keys(),
            help=f'Quality of service {name} setting to {purpose} with (overrides the profile)',
        )
    parser.add_argument(
        '--qos-liveliness-lease-duration-seconds',
        metavar='S',
        type=positive_float,
        help=f'Quality of service liveliness lease duration setting to {purpose} with (overrides the profile)',
    )


def requested_qos(options: Namespace) -> QoSProfile:
    """The profile that the options describe."""
    profile = QoSPresetProfiles.get_from_short_key(options.qos_profile)
    for name, policy in POLICIES.items():
        key = getattr(options, f'qos_{name}')
        if key:
            setattr(profile, name, policy.get_from_short_key(key))
    if options.qos_liveliness_lease_duration_seconds:
        profile.liveliness_lease_duration = Duration(seconds=options.qos_liveliness_lease_duration_seconds)
    if options.qos_depth:
        profile.depth = options.qos_depth
    elif profile.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL and profile.depth == 0:
        profile.depth = 1
    return profile


def subscription_qos(node: Node, topic: str, options: Namespace) -> QoSProfile:
    """The options' profile, or without any such option one that every publisher of the topic is compatible with."""
    overridden = [*(f'qos_{name}' for name in POLICIES), 'qos_depth', 'qos_liveliness_lease_duration_seconds']
    profile = requested_qos(options)
    if any(getattr(options, name) is not None for name in overridden):
        return profile
    return match_publishers(node, topic, profile)


def match_publishers(node: Node, topic: str, profile: QoSProfile) -> QoSProfile:
    """The profile with the strongest reliability and durability that all publishers of the topic offer."""
    profile = copy.copy(profile)
    offered = [info.qos_profile for info in node.get_publishers_info_by_topic(topic)]
    if not offered:
        return profile
    profile.reliability = _common(
        [qos.reliability for qos in offered], QoSReliabilityPolicy.RELIABLE, QoSReliabilityPolicy.BEST_EFFORT
    )
    profile.durability = _common(
        [qos.durability for qos in offered], QoSDurabilityPolicy.TRANSIENT_LOCAL, QoSDurabilityPolicy.VOLATILE
    )
    return profile


def _common(offered: list[Policy], strong: Policy, weak: Policy) -> Policy:
    """The strong policy if all offer it, else the weak one, which everybody is compatible with."""
    if all(policy == strong for policy in offered):
        return strong
    if strong in offered:
        kind = type(strong).__name__
        print(
            f'Some, but not all, publishers are offering {kind}.{strong.name}. '
            f'Falling back to {kind}.{weak.name} as it will connect to all publishers'
        )
    return weak
