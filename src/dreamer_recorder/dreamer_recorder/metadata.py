"""metadata.yaml of a rosbag2 bag folder, version 9 (ROS 2 Jazzy)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from dreamer_learning.atomic import write_file
from dreamer_recorder.mcap import FileSummary, Topic

VERSION = 9
INFINITE = {'sec': 9223372036, 'nsec': 854775807}


def qos_yaml(history: str, depth: int, reliability: str, durability: str) -> str:
    """One offered QoS profile as rosbag2 writes it; without deadline, lifespan and lease."""
    profile = {
        'history': history,
        'depth': depth,
        'reliability': reliability,
        'durability': durability,
        'deadline': INFINITE,
        'lifespan': INFINITE,
        'liveliness': 'automatic',
        'liveliness_lease_duration': INFINITE,
        'avoid_ros_namespace_conventions': False,
    }
    return _dump([profile])


def bag_information(files: Sequence[FileSummary]) -> dict[str, Any]:
    """The content of `rosbag2_bagfile_information` for these files."""
    filled = [file for file in files if file.messages]
    start = min((file.start for file in filled), default=0)
    end = max((file.end for file in filled), default=0)
    counts: dict[Topic, int] = {}
    for file in files:
        for topic, count in file.counts.items():
            counts[topic] = counts.get(topic, 0) + count
    return {
        'version': VERSION,
        'storage_identifier': 'mcap',
        'duration': {'nanoseconds': end - start},
        'starting_time': {'nanoseconds_since_epoch': start},
        'message_count': sum(counts.values()),
        'topics_with_message_count': [
            {'topic_metadata': _topic(topic), 'message_count': count} for topic, count in counts.items()
        ],
        'compression_format': '',
        'compression_mode': '',
        'relative_file_paths': [file.name for file in files],
        'files': [
            {
                'path': file.name,
                'starting_time': {'nanoseconds_since_epoch': file.start},
                'duration': {'nanoseconds': file.end - file.start},
                'message_count': file.messages,
            }
            for file in files
        ],
        'custom_data': None,
        'ros_distro': os.environ.get('ROS_DISTRO', 'jazzy'),
    }


def file_metadata(file: FileSummary) -> str:
    """The text that rosbag2 keeps inside an MCAP file."""
    return _dump(bag_information([file]))


def write_metadata(folder: Path, files: Sequence[FileSummary]) -> None:
    """Write metadata.yaml of a bag folder, atomically.

    Raises:
        OSError: it cannot be written; an older one stays.
    """
    write_file(folder / 'metadata.yaml', _dump({'rosbag2_bagfile_information': bag_information(files)}))


def _topic(topic: Topic) -> dict[str, Any]:
    return {
        'name': topic.name,
        'type': topic.type,
        'serialization_format': 'cdr',
        'offered_qos_profiles': yaml.safe_load(topic.qos) if topic.qos else [],
        'type_description_hash': topic.type_hash,
    }


class _Dumper(yaml.SafeDumper):
    """Writes equal parts out each time, as rosbag2 does, instead of as aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _dump(content: Any) -> str:
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False))
