"""The recorder's ROS side: every observation and action message goes to rosbag2 files as it came."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from rclpy.qos import QoSProfile

from dreamer_interfaces.msg import Action, Observation
from dreamer_learning.config import ConfigError
from dreamer_node.diagnostics import ERROR, OK, WARN, Diagnostics, Recent, Report
from dreamer_node.node import Node
from dreamer_node.qos import STEPS_KEPT, STEPS_QUEUED
from dreamer_node.runtime import declare, lower_priority
from dreamer_node.storage import run_storing_node
from dreamer_recorder.definitions import message_definition, type_hash
from dreamer_recorder.mcap import Topic
from dreamer_recorder.metadata import qos_yaml
from dreamer_recorder.reader import ACTION, OBSERVATION
from dreamer_recorder.recording import Recording


class RecorderNode(Node):
    """Subscribes without deserialising; parameters run_dir, max_file_size, flush_period."""

    def __init__(self) -> None:
        super().__init__('recorder')
        self._texts = {kind: (message_definition(kind), type_hash(kind)) for kind in (OBSERVATION, ACTION)}
        self._recording = self._make_recording()
        self._topics: dict[str, Topic] = {}
        self._troubled = Recent()
        for name, kind, cls in (('observation', OBSERVATION, Observation), ('action', ACTION, Action)):
            self.create_subscription(cls, name, partial(self._on_message, name, kind), STEPS_QUEUED, raw=True)
        self._diagnostics = Diagnostics(self, 'recorder')
        self._diagnostics.add('recording', self._report)

    def close(self) -> None:
        """Write what is left and finish the file."""
        self._recording.close()

    def _make_recording(self) -> Recording:
        run_dir = str(declare(self, 'run_dir', '', 'run directory; bags go to its folder bags'))
        size = int(str(declare(self, 'max_file_size', 64 << 20, 'bytes after which a new file begins')))
        period = float(str(declare(self, 'flush_period', 1.0, 'seconds between two writes to disk')))
        if not run_dir:
            raise ConfigError('run_dir: missing; give the folder of the run')
        if size < 1024:
            raise ConfigError(f'max_file_size: {size} is not allowed; at least 1024 bytes')
        if not 0.01 <= period <= 60.0:
            raise ConfigError(f'flush_period: {period} is not allowed; 0.01 to 60 seconds')
        return Recording(Path(run_dir).expanduser() / 'bags', size, period, self._say)

    def _say(self, level: str, text: str) -> None:
        logger = self.get_logger()
        logger.error(text) if level == 'error' else logger.info(text)

    def _on_message(self, name: str, kind: str, data: bytes) -> None:
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = self._describe(name, kind)
        self._recording.add(topic, data, time.time_ns())

    def _describe(self, name: str, kind: str) -> Topic:
        """The topic with its resolved name and the QoS that its first publisher offers."""
        resolved = self.resolve_topic_name(name)
        publishers = self.get_publishers_info_by_topic(resolved)
        offered = publishers[0].qos_profile if publishers else STEPS_KEPT
        definition, digest = self._texts[kind]
        return Topic(resolved, kind, definition, digest, _qos(offered))

    def _report(self) -> Report:
        status = self._recording.status
        values = {
            'messages': status.messages,
            'pending': status.pending,
            'megabytes': status.bytes / 1e6,
            'duplicates': status.duplicates,
            'gaps': status.gaps,
            'missing steps': status.missing,
            'lost': status.lost,
        }
        if not self._recording.alive:
            return ERROR, 'the writing thread has ended', values
        if status.error:
            return ERROR, f'not recording: {status.error}', values
        if self._troubled.rose(status.gaps + status.lost):
            return WARN, f'recording, {status.gaps} gaps, {status.lost} lost', values
        return OK, 'recording', values


def _qos(profile: QoSProfile) -> str:
    # Discovery does not carry history and depth: those of the suite's publishers stand in.
    return qos_yaml(
        STEPS_KEPT.history.name.lower(), STEPS_KEPT.depth, profile.reliability.name.lower(),
        profile.durability.name.lower(),
    )


def main() -> int:
    """Run the node; returns the exit code."""
    lower_priority()
    return run_storing_node(RecorderNode)
