"""Who asks for the emergency stop: the topic `emergency_stop` with any number of publishers.

A message does not tell its publisher (rclpy of Jazzy leaves the publisher's id out), so a `false` may come from another
source than the `true` before it. Therefore a `false` is only the occasion to ask all present latched publishers again:
a new reader gets the last message of each. Nobody asks for the stop any more when none of them says `true`. One that does
not answer (a frozen process, a lost link) may be the one that said `true`: until it answers or is gone, the stop stands.
So it does while one of several keeps more than its last message: its older ones would pass for answers of the others.
At the start, when no `true` is known, one without an answer has said nothing yet.
A publisher that is not latched cannot be asked; its `true` stands until the next `false` of anyone.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.subscription import Subscription
from std_msgs.msg import Bool

from dreamer_node import qos

TOPIC = 'emergency_stop'
SETTLE_TIME = 0.2
"""s of wall time that a survey takes at least: a new reader on one host has its messages within some 10 ms."""
SURVEY_TIME = 1.0
"""s of wall time that a survey waits longer where a latched publisher does not answer."""


class Survey:
    """One new reader of the topic, with the last message of each latched publisher.

    Args:
        node: one that no executor spins.
        topic: resolved name.
        least: s of wall time that it takes, whoever answers.
    """

    def __init__(self, node: Node, topic: str, least: float = SETTLE_TIME) -> None:
        self._node = node
        self._topic = topic
        self._least = least
        self._begun = time.monotonic()
        self._said: list[bool] = []
        self._publishers = 0
        self._reader = _subscribe(node, topic, lambda message: None, qos.EMERGENCY_STOP)

    @property
    def unanswered(self) -> int:
        """How many latched publishers' last word is not known. Of several, one that keeps more than its last message may have
        said what seems to be another's: then at least one is not."""
        missing = self._publishers - len(self._said)
        return 1 if missing < 0 and self._publishers > 1 else max(missing, 0)

    def poll(self) -> bool | None:
        """Whether any publisher says true; None while answers may be on their way. Never waits."""
        reader = self._reader.handle
        with reader:
            while (taken := reader.take_message(Bool, False)) is not None:
                self._said.append(taken[0].data)
        self._publishers = max(self._publishers, len(latched_publishers(self._node, self._topic)))
        age = time.monotonic() - self._begun
        if age < self._least or (age < self._least + SURVEY_TIME and self.unanswered):
            return None
        # One publisher may keep more than its last message; of several, it is not known whose a message is.
        return any(self._said if self._publishers > 1 else self._said[-1:])

    def close(self) -> None:
        """Remove the reader."""
        self._node.destroy_subscription(self._reader)


class StopSources:
    """Hears the topic, and surveys it at the start and after each `false` while the stop is asked for.

    Args:
        node: whose topic is heard.
        changed: called with True at each `true`, and with False when no source asks for the stop any more.
        discovery_time: s of wall time in which the sources that are there already are found.

    Attributes:
        heard: messages so far.
        known: what the sources said before the start has arrived: one that said `true`, or all after discovery_time.
        unanswered: latched publishers that did not answer when they were asked last.
    """

    def __init__(self, node: Node, changed: Callable[[bool], None], discovery_time: float) -> None:
        self.heard = 0
        self.known = False
        self.unanswered = 0
        self._node = node
        self._changed = changed
        self._asked = False
        self._doubt = False
        self._topic = node.resolve_topic_name(TOPIC)
        # From a latched publisher that came earlier, from a reliable one and from one with any other QoS.
        for profile in (qos.EMERGENCY_STOP, qos.STANDARD, qos.SENSOR):
            _subscribe(node, TOPIC, self._on_message, profile)
        # The surveys' readers come and go beside the control loop: no executor knows their node.
        self._reading_node = Node(
            f'_{node.get_name()}_stop_survey',
            namespace=node.get_namespace(),
            context=node.context,
            use_global_arguments=False,
            enable_rosout=False,
            start_parameter_services=False,
        )
        # Who has not been discovered yet does not count as a publisher without an answer.
        self._survey: Survey | None = Survey(self._reading_node, self._topic, discovery_time)

    @property
    def asking(self) -> bool:
        """A survey is under way or due: whether the stop is still asked for is not known yet."""
        return self._survey is not None or self._doubt

    def tick(self) -> None:
        """Let surveys begin and end; to be called often."""
        if self._survey is None:
            if self._doubt:
                self._doubt = False
                self._survey = Survey(self._reading_node, self._topic)
            return
        says = self._survey.poll()
        if says is None:
            return
        self.unanswered = self._survey.unanswered
        self._end_survey()
        if self._asked and not says and self.unanswered:
            self._doubt = True
            return
        if says != self._asked:
            self._asked = says
            self._changed(says)

    def names(self) -> list[str]:
        """Fully qualified names of the nodes with a latched publisher."""
        return latched_publishers(self._node, self._topic)

    def close(self) -> None:
        """Ask no more."""
        self._end_survey()
        self._reading_node.destroy_node()

    def _on_message(self, message: Bool) -> None:
        self.heard += 1
        if message.data:
            self._end_survey()
            self._asked, self._doubt = True, False
            self._changed(True)
        else:
            self._doubt = self._asked

    def _end_survey(self) -> None:
        if self._survey is not None:
            self._survey.close()
        self._survey = None
        self.known = True


def latched_publishers(node: Node, topic: str) -> list[str]:
    """Fully qualified names of the nodes behind a topic's latched publishers, one for each publisher."""
    return [
        f'{info.node_namespace.rstrip("/")}/{info.node_name}'
        for info in node.get_publishers_info_by_topic(topic)
        if info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    ]


def _subscribe(node: Node, topic: str, callback: Callable[[Bool], None], profile: QoSProfile) -> Subscription:
    """A publisher of a QoS that does not match is heard by another subscription: no warning about it."""
    silent = SubscriptionEventCallbacks(use_default_callbacks=False)
    return node.create_subscription(Bool, topic, callback, profile, event_callbacks=silent)
