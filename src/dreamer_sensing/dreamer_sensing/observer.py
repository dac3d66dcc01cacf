"""From sensor readings in the robot's order to the agent's observation, reward and flags. No ROS."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dreamer_learning.config import ConfigError, nearest
from dreamer_learning.robots import joint_ranges
from dreamer_learning.spaces import Task, TensorSpec
from dreamer_node.refusals import Refused
from dreamer_sensing.episode import EpisodeCounter
from dreamer_sensing.execution import Execution
from dreamer_sensing.kinematics import FootKinematics
from dreamer_sensing.proprioception import proprioception, proprioception_size, rotation_matrix
from dreamer_sensing.reading import SensorReading
from dreamer_sensing.rewards import RewardState, find_reward, try_reward
from dreamer_sensing.settings import SensingConfig
from dreamer_sensing.velocity import VelocityEstimator

VELOCITY_SOURCES = ('estimate', 'ground_truth')
PROPRIOCEPTION = 'proprioception'

# A longer pause between observations than this many control periods starts a new episode.
GAP_PERIODS = 2.5


@dataclasses.dataclass
class SensedStep:
    """One observation of one robot, ready for the message.

    Attributes:
        stamp: of the sensors, s.
        stream, step: identify the step.
        tensors: name -> (1, ...), as the task asks for them.
        reward: earned by arriving here; 0 where is_first.
        parts: named parts of the reward function at this state, also where is_first.
        velocity: (3,) of the base in the world frame that the reward was computed with, m/s.
    """

    stamp: float
    stream: int
    step: int
    tensors: dict[str, np.ndarray]
    reward: float
    is_first: bool
    is_last: bool
    is_terminal: bool
    parts: dict[str, float]
    velocity: np.ndarray


class Observer:
    """Sensing of one robot for one task.

    Call `step` (or `observe`) at the control rate; between two of these, `track` for every further reading of the sensors.
    `execution` is told the commands for this stream: an observation that follows from an action which was not carried out
    begins an episode, so that nothing is learned across it.

    Args:
        task: what the agent sees and is rewarded for.
        config: the robot.
        urdf: path of the robot's URDF.
        velocity_source: 'estimate' from the robot's sensors, or 'ground_truth' as given to `observe`.
        stream: identifies the stream; None for one of its own.

    Raises:
        ConfigError: task and robot do not fit, an unknown reward or source, or a URDF without the feet.
    """

    def __init__(
        self, task: Task, config: SensingConfig, urdf: Path, velocity_source: str = 'estimate',
        stream: int | None = None,
    ) -> None:
        if velocity_source not in VELOCITY_SOURCES:
            raise ConfigError(
                f"velocity_source '{velocity_source}' does not exist; {nearest(velocity_source, VELOCITY_SOURCES)}"
            )
        self._joint_count = len(config.joints)
        self.image_spec = _check_observation(task, self._joint_count)
        self._names = list(task.observation)
        self._reward = find_reward(task.reward, task.source)
        self._lower, self._upper = joint_ranges(config.action_range, config.joints)
        self._kinematics = FootKinematics(urdf, config.base_link, config.feet, config.joints)
        self._estimator = VelocityEstimator(self._kinematics, config.velocity)
        self.needs_truth = velocity_source == 'ground_truth'
        self._episode = EpisodeCounter(task.episode_length, stream)
        self.execution = Execution(self._episode.stream)
        self._longest = GAP_PERIODS / task.control_rate
        self._tracked: float | None = None
        self._observed: float | None = None
        middle = self._state(0.5 * (self._lower + self._upper), np.eye(3), np.zeros(3))
        try_reward(task.reward, task.source, self._reward, middle)

    @property
    def stream(self) -> int:
        return self._episode.stream

    @property
    def cuts(self) -> int:
        """Episodes ended by a cut."""
        return self._episode.cuts

    @property
    def contacts(self) -> np.ndarray:
        """(F,) which feet stand, in the order of the configuration."""
        return self._estimator.contacts

    def cut(self) -> None:
        """The world was reset or sensors were away: what comes next does not follow from what was."""
        self._episode.cut()
        self._estimator.reset()
        self._tracked = self._observed = None

    def observe(
        self, reading_time: float, joint_position: np.ndarray, joint_velocity: np.ndarray, joint_effort: np.ndarray,
        orientation: Sequence[float] | np.ndarray, angular_velocity: np.ndarray, specific_force: np.ndarray,
        true_velocity: np.ndarray | None = None, image: np.ndarray | None = None,
    ) -> SensedStep:
        """The next step of the stream, from the fields of a SensorReading."""
        return self.step(SensorReading(
            reading_time, joint_position, joint_velocity, joint_effort, orientation, angular_velocity, specific_force,
            true_velocity, image,
        ))

    def step(self, reading: SensorReading) -> SensedStep:
        """The next step of the stream. Time going back, a gap of more than 2.5 control periods, or an
        action that was not carried out is a cut.

        Raises:
            Refused: a value that is missing, not finite or of the wrong shape; no step is counted then.
        """
        rotation = self._check(reading)
        self._check_image(reading.image)
        if self._observed is not None and not 0.0 < reading.time - self._observed <= self._longest:
            self.cut()
        velocity = self._follow(reading, rotation)
        self._observed = reading.time
        # The motion goes on, so the velocity does too.
        if not self.execution.observe(self._episode.step):
            self._episode.cut()
        total, parts = self._reward(self._state(reading.joint_position, rotation, velocity))
        if not math.isfinite(total):
            raise Refused('reward', f'the reward is {total}')
        flags = self._episode.next()
        return SensedStep(
            stamp=reading.time, stream=self._episode.stream, step=flags.step, tensors=self._tensors(reading, rotation),
            reward=0.0 if flags.is_first else float(total), is_first=flags.is_first, is_last=flags.is_last, is_terminal=False,
            parts=parts, velocity=velocity,
        )

    def track(self, reading: SensorReading) -> np.ndarray:
        """Follow the base velocity between two steps; returns it, (3,) in the world frame, m/s.

        Raises:
            Refused: a value that is missing, not finite or of the wrong shape; the reading changes nothing then.
        """
        return self._follow(reading, self._check(reading))

    def _tensors(self, reading: SensorReading, rotation: np.ndarray) -> dict[str, np.ndarray]:
        tensors: dict[str, np.ndarray] = {}
        for name in self._names:
            if name == PROPRIOCEPTION:
                tensors[name] = proprioception(reading.joint_position, rotation, reading.angular_velocity)[None]
            elif reading.image is not None:
                tensors[name] = reading.image[None]
        return tensors

    def _state(self, position: np.ndarray, rotation: np.ndarray, velocity: np.ndarray) -> RewardState:
        return RewardState(position, rotation, velocity, self._lower, self._upper)

    def _follow(self, reading: SensorReading, rotation: np.ndarray) -> np.ndarray:
        if self.needs_truth:
            return np.array(reading.true_velocity, np.float64)
        if self._tracked is not None and not 0.0 < reading.time - self._tracked <= self._longest:
            self._estimator.reset()
        self._tracked = reading.time
        return self._estimator.update(reading, rotation)

    def _check(self, reading: SensorReading) -> np.ndarray:
        """The rotation (3, 3) of a reading that can be used."""
        reading.check(self._joint_count)
        if self.needs_truth and reading.true_velocity is None:
            raise Refused('ground_truth', "true_velocity is missing; velocity_source 'ground_truth' needs it")
        return rotation_matrix(reading.orientation)

    def _check_image(self, image: np.ndarray | None) -> None:
        if self.image_spec is None:
            return
        if image is None:
            raise Refused('image_missing', f'no image; the task needs {list(self.image_spec.shape)}')
        if image.shape != self.image_spec.shape or image.dtype != np.uint8:
            raise Refused(
                'image_size',
                f'image is {image.dtype} {list(image.shape)}; the task needs uint8 {list(self.image_spec.shape)}',
            )


def _check_observation(task: Task, joint_count: int) -> TensorSpec | None:
    """The spec of the task's image, if it has one.

    Raises:
        ConfigError: a tensor that this robot cannot fill.
    """
    if task.environments != 1:
        raise ConfigError(f'{task.source}: environments {task.environments}: a robot is one environment')
    images = [name for name, spec in task.observation.items() if spec.image]
    for name, spec in task.observation.items():
        if spec.image:
            if name != images[0]:
                raise ConfigError(
                    f"{task.source}: observation: '{images[0]}' and '{name}' are both images; sensing has one camera")
            if spec.shape[2] not in (1, 3):
                raise ConfigError(
                    f"{task.source}: observation: '{name}': {spec.shape[2]} channels; allowed: 1 (gray), 3 (RGB)")
        elif name != PROPRIOCEPTION:
            hint = nearest(name, [PROPRIOCEPTION])
            raise ConfigError(f"{task.source}: observation: '{name}' is not made by sensing, nor an image (uint8); {hint}")
        elif spec.shape != (proprioception_size(joint_count),):
            raise ConfigError(
                f"{task.source}: observation: '{name}': shape {list(spec.shape)}, but {joint_count} joints make "
                f'[{proprioception_size(joint_count)}]'
            )
    return task.observation[images[0]] if images else None
