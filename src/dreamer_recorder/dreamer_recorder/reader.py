"""Reads recorded steps back: a bag is a replay buffer."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message

from dreamer_interfaces.msg import Action, Observation
from dreamer_node.wire import CompleteStep, WireError, unpack_action, unpack_observation
from dreamer_recorder.cdr import CdrError, StepKey, step_key
from dreamer_recorder.mcap import Message
from dreamer_recorder.scan import Scan, files_in_order

OBSERVATION, ACTION = 'dreamer_interfaces/msg/Observation', 'dreamer_interfaces/msg/Action'

WAIT = 200
"""Observations that may follow one before its action: 50 come at once when a recorder starts again, of either topic."""

log = logging.getLogger(__name__)


@dataclasses.dataclass
class RecordedStep(CompleteStep):
    """A step of a bag.

    Attributes:
        weights_version: of the action; 0 = random exploration.
    """

    weights_version: int


def read_steps(bags_dir: Path) -> Iterator[RecordedStep]:
    """All steps below `bags_dir` in the order in which their observations were recorded, each once.

    Needs no repair: a file that was cut short, or is being written, is read up to its last whole message. What cannot be
    read is left out with a warning; it shows as a jump of `step`. A folder that does not exist holds no steps.
    """
    pairs = _Pairing()
    for path in files_in_order(bags_dir):
        scan = Scan(path)
        for chunk in scan.chunks():
            for message in chunk:
                if message.topic.type in (OBSERVATION, ACTION):
                    pairs.add(message, path)
            yield from pairs.ready(WAIT)
        if scan.damage:
            log.warning('%s: %s', path, scan.damage)
    yield from pairs.ready(0)


class _Pairing:
    """Joins observations and actions by (stream, step); either may come first."""

    def __init__(self) -> None:
        self._seen: dict[str, set[StepKey]] = {OBSERVATION: set(), ACTION: set()}
        self._observations: dict[StepKey, tuple[bytes, Path]] = {}
        self._actions: dict[StepKey, bytes] = {}

    def add(self, message: Message, path: Path) -> None:
        try:
            key = step_key(message.data)
        except CdrError as error:
            log.warning('%s: %s: %s', path, message.topic.name, error)
            return
        seen = self._seen[message.topic.type]
        if key in seen:
            return
        seen.add(key)
        if message.topic.type == OBSERVATION:
            self._observations[key] = message.data, path
        else:
            self._actions[key] = message.data

    def ready(self, wait: int) -> Iterator[RecordedStep]:
        """The oldest steps that have their action, or wait for it longer than `wait` observations."""
        while self._observations:
            key = next(iter(self._observations))
            if key not in self._actions and len(self._observations) <= wait:
                break
            step = _decode(key, *self._observations.pop(key), self._actions.pop(key, None))
            if step is not None:
                yield step
        # Actions without an observation: the recorder missed it, and it does not come any more.
        while len(self._actions) > len(self._observations) + WAIT:
            del self._actions[next(iter(self._actions))]


def _decode(key: StepKey, observation: bytes, path: Path, action: bytes | None) -> RecordedStep | None:
    try:
        step = unpack_observation(deserialize_message(observation, Observation))
        chosen, latent, version = _decode_action(action)
    except (WireError, RuntimeError) as error:
        log.warning('%s: stream %d step %d: %s', path, *key, error)
        return None
    return RecordedStep(**vars(step), action=chosen, latent=latent, weights_version=version, source=str(path))


def _decode_action(data: bytes | None) -> tuple[np.ndarray | None, dict[str, np.ndarray], int]:
    if data is None:
        return None, {}, 0
    message: Any = deserialize_message(data, Action)
    return *unpack_action(message), message.weights_version
