"""Brings the sensors' messages together by their stamps and picks those of the control rate.

    joint_states   |   |   |   |   |   |        stamps decide, never the time of arrival: the same code serves
    imu            |   |   |   |   |   |        lockstep (one message of each per control period) and real time
    result         S   t   t   S   t   t        S step (due), t track (between two steps)
"""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import Any

import numpy as np

from dreamer_node.pace import MEAN_SPACING
from dreamer_sensing.proprioception import ImuReading, JointReading
from dreamer_sensing.reading import SensorReading

# Messages of one kind that wait for their partners; at 1 kHz this bridges 16 ms between topics.
WAITING = 16


class Kind(enum.IntEnum):
    """Sensor streams."""

    JOINTS = 0
    IMU = 1
    TRUTH = 2
    IMAGE = 3


class Action(enum.Enum):
    """What to do with an aligned reading."""

    STEP = 'step'
    TRACK = 'track'
    REPEAT = 'repeat'


@dataclasses.dataclass
class Aligned:
    """One reading of all sensors.

    Attributes:
        action: STEP: make an observation; TRACK: only follow the motion; REPEAT: the sender asks again for the last
            observation, `reading` is None.
        stamp: of the joint states, ns.
        cut: the clock jumped back before this reading.
    """

    action: Action
    stamp: int
    reading: SensorReading | None = None
    cut: bool = False


@dataclasses.dataclass
class _Pair:
    stamp: int
    interval: int  # since the pair before, ns; at most one control period
    joints: JointReading
    imu: ImuReading
    truth: np.ndarray | None


class Aligner:
    """Pairs joint states with IMU (and ground truth) and decides which pair is a step.

    Partners have equal stamps or are the nearest within half the period of the joint states. A pair is due when its
    stamp reaches the next multiple of the control period, within the same tolerance, and is at least half a control period
    after the last step.

    A camera is joined with its newest image. Where the image of the last step had exactly the stamp of the joint states
    (a simulation in lockstep), the step waits for its own image; elsewhere it takes what is there.

    Args:
        control_rate: Hz.
        needs_truth: ground truth must be there too.
        needs_image: an image must be there too.
        camera_max_age: an image that is older than its joint states by more than this is not used, s.

    Attributes:
        jumps: times that the clock went back.
        overtaken: messages left out because a newer one of their stream had come before.
        dropped: joint states without partner.
        late: steps more than half a control period after they were due.
        without_image: steps put off because no image came.
    """

    def __init__(
        self, control_rate: float, needs_truth: bool = False, needs_image: bool = False, camera_max_age: float = 0.1
    ) -> None:
        self._period = round(1e9 / control_rate)
        self._needs_image = needs_image
        self._max_age = round(camera_max_age * 1e9)
        self._partners = (Kind.IMU, Kind.TRUTH) if needs_truth else (Kind.IMU,)
        self.jumps = 0
        self.overtaken = 0
        self.dropped = 0
        self.late = 0
        self.without_image = 0
        self._queues: dict[Kind, collections.deque] = {kind: collections.deque() for kind in (Kind.JOINTS, *self._partners)}
        self._newest: dict[Kind, int] = {}
        self._interval: dict[Kind, int] = {}  # between the newest two of a stream, ns; at most one control period
        self._cut = False
        self._clear()

    def add(self, kind: Kind, stamp: int, payload: Any) -> list[Aligned]:
        """Take one message in; returns what became complete, in order of time.

        Args:
            kind: stream of the message.
            stamp: of its header, ns. Going back within a stream, by half of its interval or more, means that the clock jumped:
                everything is forgotten.
            payload: JointReading, ImuReading, (3,) true velocity in the world frame, or the image.
        """
        newest = self._newest.get(kind)
        if newest is not None and stamp < newest:
            if 2 * (newest - stamp) < self._interval.get(kind, 0):
                self.overtaken += 1
                return []
            self.jumps += 1
            self._cut = True
            self._clear()
        elif stamp == newest and kind is not Kind.IMAGE:
            repeated = kind is Kind.JOINTS and stamp == self._stepped
            return [Aligned(Action.REPEAT, stamp)] if repeated else []
        elif newest is not None:
            self._interval[kind] = min(stamp - newest, self._period)
        self._newest[kind] = stamp
        if kind is Kind.IMAGE:
            self._images[:] = [(stamp, payload)]
            return self._release()
        queue = self._queues[kind]
        queue.append((stamp, payload))
        if len(queue) > WAITING:
            queue.popleft()
            self.dropped += kind is Kind.JOINTS
        return self._match()

    def _clear(self) -> None:
        for queue in self._queues.values():
            queue.clear()
        self._newest.clear()
        self._interval.clear()
        self._images: list[tuple[int, Any]] = []  # at most the newest
        self._paired: int | None = None
        self._stepped: int | None = None
        self._due: int | None = None
        self._waiting: _Pair | None = None
        self._synchronous = False

    def forget(self, stamp: int) -> None:
        """The step of this stamp could not be made: it is due again, and the same stamps are taken in again."""
        if self._stepped == stamp:
            self._stepped = None
            self._due = stamp
        for kind in self._queues:
            if self._newest.get(kind) == stamp:
                del self._newest[kind]

    def _match(self) -> list[Aligned]:
        results: list[Aligned] = []
        joints = self._queues[Kind.JOINTS]
        while joints:
            stamp, reading = joints[0]
            interval = self._period if self._paired is None else min(stamp - self._paired, self._period)
            tolerance = interval // 2
            found = {kind: entry for kind in self._partners if (entry := self._partner(kind, stamp, tolerance))}
            missing = [kind for kind in self._partners if kind not in found]
            if missing:
                if all(self._newest.get(kind, stamp) <= stamp + tolerance for kind in missing):
                    return results
                joints.popleft()
                self.dropped += 1
                continue
            joints.popleft()
            for kind, (used, _) in found.items():
                _discard_until(self._queues[kind], used)
            truth = found[Kind.TRUTH][1] if Kind.TRUTH in found else None
            results += self._pair(_Pair(stamp, interval, reading, found[Kind.IMU][1], truth))
            self._paired = stamp
        return results

    def _partner(self, kind: Kind, stamp: int, tolerance: int) -> tuple[int, Any] | None:
        """The entry of the queue nearest to a stamp, within the tolerance."""
        queue = self._queues[kind]
        if queue and queue[0][0] == stamp:
            return queue[0]
        best = min(queue, key=lambda entry: abs(entry[0] - stamp), default=None)
        return best if best is not None and abs(best[0] - stamp) <= tolerance else None

    def _pair(self, pair: _Pair) -> list[Aligned]:
        # A step that still waits for its image has missed it: it becomes an ordinary reading, this one is due instead.
        results = []
        if self._waiting is not None:
            results.append(self._result(Action.TRACK, self._waiting))
            self._waiting = None
            self._synchronous = False
            self.without_image += 1
        early = self._due is not None and pair.stamp < self._due - pair.interval // 2
        # After a step that came late the next may be due at once; the driver would refuse the action that answers it.
        close = self._stepped is not None and 2 * (pair.stamp - self._stepped) < self._period
        if early or close:
            results.append(self._result(Action.TRACK, pair))
            return results
        self._waiting = pair
        return results + self._release()

    def _release(self) -> list[Aligned]:
        """The waiting step, if it has all it needs."""
        pair = self._waiting
        if pair is None:
            return []
        image = None
        if self._needs_image:
            oldest = pair.stamp - (0 if self._synchronous else self._max_age)
            if not self._images or self._images[0][0] < oldest:
                return []
            image_stamp, image = self._images[0]
            self._synchronous = image_stamp == pair.stamp
        self._waiting = None
        self._schedule(pair)
        return [self._result(Action.STEP, pair, image)]

    def _schedule(self, pair: _Pair) -> None:
        """Set when the step after this one is due."""
        due = pair.stamp if self._due is None else self._due
        behind = pair.stamp - due
        self.late += behind > self._period // 2
        # Sensors about as slow as the control rate set the pace themselves; faster ones are picked on a fixed grid,
        # which keeps the mean rate right when the rates are no multiples of each other.
        on_grid = pair.interval < MEAN_SPACING * self._period and behind < self._period
        self._due = (due if on_grid else pair.stamp) + self._period
        self._stepped = pair.stamp

    def _result(self, action: Action, pair: _Pair, image: np.ndarray | None = None) -> Aligned:
        cut, self._cut = self._cut, False
        reading = SensorReading(
            time=pair.stamp * 1e-9,
            joint_position=pair.joints.position,
            joint_velocity=pair.joints.velocity,
            joint_effort=pair.joints.effort,
            orientation=pair.imu.orientation,
            angular_velocity=pair.imu.angular_velocity,
            specific_force=pair.imu.specific_force,
            true_velocity=pair.truth,
            image=image,
        )
        return Aligned(action, pair.stamp, reading, cut)


def _discard_until(queue: collections.deque, stamp: int) -> None:
    """Remove the entries up to and including a stamp."""
    while queue and queue[0][0] <= stamp:
        queue.popleft()
