"""One simulated robot: commands in, sensor readings out, repeatable from a seed."""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from pathlib import Path

import mujoco
import numpy as np

from dreamer_mujoco.config import SensorNoise, SimulationConfig, draw
from dreamer_mujoco.model import build_model
from dreamer_mujoco.placement import place, quaternion_multiply, rotation
from dreamer_mujoco.rendering import CameraRenderer
from dreamer_mujoco.servo import DAMP_AFTER, HOLD_AFTER, RISE_TIME, Command, JointServos

NEVER = 2**63

RESET_TIME = 2.0
"""s by which the clock moves on when a robot is put back: sensing sees a gap, and no episode goes on over it; a driver, which
damps after 1 s without an action, begins with a soft start."""

DIVERGED = np.array([mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC], int)
"""Warnings with which MuJoCo has thrown the state away."""


@dataclasses.dataclass(frozen=True)
class SensorReading:
    """What the robot's sensors say at one time, and the truth about its base. J joints in the robot's order.

    Attributes:
        stamp: ns of simulated time, rises from 0.
        joint_position, joint_velocity, joint_effort: (J,) rad, rad/s, Nm.
        orientation: (4,) of the base, x y z w, as the IMU reports it.
        angular_velocity: (3,) rad/s in the IMU's frame, mean since the last reading.
        linear_acceleration: (3,) specific force, m/s^2 in the IMU's frame, mean since the last reading.
        base_position, base_orientation: (3,), (4,) x y z w in the world: ground truth.
        base_linear_velocity, base_angular_velocity: (3,) in the base's frame: ground truth.
    """

    stamp: int
    joint_position: np.ndarray
    joint_velocity: np.ndarray
    joint_effort: np.ndarray
    orientation: np.ndarray
    angular_velocity: np.ndarray
    linear_acceleration: np.ndarray
    base_position: np.ndarray
    base_orientation: np.ndarray
    base_linear_velocity: np.ndarray
    base_angular_velocity: np.ndarray

    @property
    def time(self) -> float:
        """s of simulated time."""
        return self.stamp * 1e-9


class Simulation:
    """A robot on a floor. Two simulations of equal arguments give bit-equal readings for equal commands.

    Args:
        urdf: the robot's description.
        config: section `simulation` of the robot's file.
        seed: of the keyframes' and the sensors' noise.
        command_timeout: hold and damp when commands stay away (a robot in real time); not for lockstep, where time waits.

    Attributes:
        diverged: how often the physics diverged; each time the robot was put back into its start pose.

    Raises:
        ConfigError: the description does not fit the configuration.
    """

    def __init__(self, urdf: Path, config: SimulationConfig, seed: int = 0, command_timeout: bool = False) -> None:
        self.config = config
        self.conditions = draw(config.variation, config.friction)
        self._robot = build_model(Path(urdf), config, self.conditions)
        self.model = self._robot.model
        self.data = mujoco.MjData(self.model)
        self._servos = JointServos(self._robot, self.data, self.conditions.motor_strength)
        self._seed = seed
        self._resets = 0
        self._noise = np.random.default_rng([seed, 1])
        self._tick_ns = round(config.timestep * 1e9)
        self._latency = round(self.conditions.action_latency / config.timestep)
        self._timeouts = command_timeout
        self._renderer: CameraRenderer | None = None
        self._imu_now = self.data.sensordata[self._robot.imu]
        self._warnings = self.data.warning.number  # a view
        self._imu_sum = np.zeros(6)
        self._imu_ticks = 0
        self._imu_mean = np.zeros(6)
        self._pending: deque[tuple[int, Command]] = deque()
        self._ticks = 0
        self._owed = 0.0
        self._hold_at = self._damp_at = NEVER
        self._gave_up = False  # damped for want of commands
        self._rises_from = NEVER
        self._velocity = np.zeros(6)
        self.diverged = 0
        self.reset()

    @property
    def joints(self) -> list[str]:
        """Names of the driven joints, in the order of commands and readings."""
        return self.config.joints

    @property
    def stamp(self) -> int:
        """ns of simulated time."""
        return self._ticks * self._tick_ns

    @property
    def waiting_commands(self) -> int:
        """Commands that the action latency still keeps back."""
        return len(self._pending)

    def reset(self, keyframe: str = '') -> None:
        """Put the robot into a keyframe (empty = the start), without commands. The clock goes on.

        Raises:
            ConfigError: no such keyframe.
        """
        pose = self.config.keyframe(keyframe)
        generator = np.random.default_rng([self._seed, 0, self._resets])
        self._resets += 1
        joints = np.asarray(pose.joints) + pose.noise * generator.standard_normal(len(pose.joints))
        orientation = np.asarray(pose.orientation) + pose.noise * generator.standard_normal(3)
        mujoco.mj_resetData(self.model, self.data)
        self._pending.clear()
        self._hold_at = self._damp_at = self._rises_from = NEVER
        self._gave_up = False
        self.data.qpos[self._robot.qpos] = joints
        if not self._robot.fixed_base:
            half = self.conditions.slope / 2
            floor = np.array([math.cos(half), 0.0, -math.sin(half), 0.0])
            place(self._robot, self.data, quaternion_multiply(floor, rotation(*orientation)))
        self._servos.hold(joints, self.config.hold_kp, self.config.hold_kd)
        settle = round(pose.settle / self.config.timestep)
        self._servos.run(self._settle_tick, settle)
        if not pose.hold:
            self._servos.limp(self.config.limp_kd)
            self._servos.run(self._settle_tick, settle)
        mujoco.mj_forward(self.model, self.data)
        self._owed = 0.0
        self._imu_sum[:] = 0.0
        self._imu_ticks = 0
        self._imu_mean[:] = self._imu_now

    def _settle_tick(self) -> None:
        mujoco.mj_step(self.model, self.data)

    def apply(self, command: Command) -> None:
        """Hand a command to the joint controllers; it takes effect after the action latency.

        Raises:
            ValueError: a command of the wrong shape, not finite, or negative where it must not be.
        """
        fault = command.fault(len(self.joints))
        if fault:
            raise ValueError(fault)
        if self._latency:
            due = self._ticks + self._latency
            if self._pending and self._pending[-1][0] == due:
                # One would replace the other at once; in a pause none comes due.
                self._pending.pop()
            self._pending.append((due, command))
        else:
            self._take(command)

    def _take(self, command: Command) -> None:
        self._servos.apply(command, self._stiffness(command))
        if self._timeouts:
            self._hold_at = self._ticks + round(HOLD_AFTER / self.config.timestep)
            self._damp_at = self._ticks + round(DAMP_AFTER / self.config.timestep)

    def _stiffness(self, command: Command) -> float:
        """The part of the command's kp in force: whoever was silent for long does not know where the joints are now."""
        if self._gave_up:
            self._gave_up, self._rises_from = False, self._ticks
        if self._rises_from == NEVER:
            return 1.0
        part = (self._ticks - self._rises_from) * self.config.timestep / RISE_TIME
        # Zero stiffness tells a sender that knows: it begins with a soft start of its own.
        if part >= 1.0 or not command.kp.any():
            self._rises_from = NEVER
            return 1.0
        return part

    def step(self, seconds: float) -> None:
        """Simulate; what does not fill a physics tick is kept for the next call."""
        self._owed += seconds / self.config.timestep
        ticks = int(self._owed + 1e-6)
        self._owed = max(self._owed - ticks, 0.0)
        self.step_ticks(ticks)

    def step_ticks(self, ticks: int) -> None:
        """Simulate this many physics ticks."""
        end = self._ticks + ticks
        while self._ticks < end:
            stop = min(end, self._due())
            count = stop - self._ticks
            if self.data.xfrc_applied.any():
                count = 1
            self._servos.run(self._tick, count)
            self._ticks += count
            self._imu_ticks += count
            self.data.xfrc_applied[:] = 0.0
        if self._warnings[DIVERGED].any():
            self.diverged += 1
            self.reset()
            self.skip(RESET_TIME)

    def _tick(self) -> None:
        mujoco.mj_step(self.model, self.data)
        np.add(self._imu_sum, self._imu_now, out=self._imu_sum)

    def _due(self) -> int:
        """Do what is due at this tick; returns the tick of the next such event."""
        while self._pending and self._pending[0][0] <= self._ticks:
            self._take(self._pending.popleft()[1])
        if self._ticks >= self._damp_at:
            self._servos.limp(self.config.damp_kd)
            self._damp_at = NEVER
            self._gave_up = True
        if self._ticks >= self._hold_at:
            self._servos.still()
            self._hold_at = NEVER
        following = self._pending[0][0] if self._pending else NEVER
        return min(following, self._hold_at, self._damp_at)

    def skip(self, seconds: float) -> None:
        """Let the clock go on without physics, as after a reset."""
        self._ticks += max(1, round(seconds / self.config.timestep))

    def push(self, impulse: np.ndarray) -> None:
        """Apply an impulse (3,) in N s, world frame, at the base's centre of mass, within the next physics tick.

        Raises:
            ValueError: not three finite numbers.
        """
        impulse = np.asarray(impulse, float)
        if impulse.shape != (3,) or not np.isfinite(impulse).all():
            raise ValueError('an impulse is three finite numbers')
        self.data.xfrc_applied[self._robot.base, :3] += impulse / self.config.timestep

    def read(self) -> SensorReading:
        """The sensors now; the IMU's rates are means over the ticks since the last call."""
        if self._imu_ticks:
            np.divide(self._imu_sum, self._imu_ticks, out=self._imu_mean)
            self._imu_sum[:] = 0.0
            self._imu_ticks = 0
        data, robot = self.data, self._robot
        # A step ends with the new positions but the old frames.
        mujoco.mj_kinematics(self.model, data)
        mujoco.mj_comPos(self.model, data)
        mujoco.mj_comVel(self.model, data)
        mujoco.mj_objectVelocity(self.model, data, mujoco.mjtObj.mjOBJ_XBODY, robot.base, self._velocity, 1)
        orientation = data.xquat[robot.base][[1, 2, 3, 0]]
        reading = SensorReading(
            stamp=self.stamp,
            joint_position=data.qpos[robot.qpos],
            joint_velocity=data.qvel[robot.qvel],
            joint_effort=data.actuator_force.copy(),
            orientation=orientation,
            angular_velocity=self._imu_mean[:3].copy(),
            linear_acceleration=self._imu_mean[3:].copy(),
            base_position=data.xpos[robot.base].copy(),
            base_orientation=orientation.copy(),
            base_linear_velocity=self._velocity[3:].copy(),
            base_angular_velocity=self._velocity[:3].copy(),
        )
        if self.conditions.sensor_noise:
            self._add_noise(reading, self.config.sensor_noise, self.conditions.sensor_noise)
        return reading

    def _add_noise(self, reading: SensorReading, noise: SensorNoise, scale: float) -> None:
        for field in dataclasses.fields(noise):
            deviation = scale * getattr(noise, field.name)
            if field.name == 'orientation':
                small = rotation(*(deviation * self._noise.standard_normal(3)))
                true = reading.base_orientation[[3, 0, 1, 2]]
                reading.orientation[:] = quaternion_multiply(true, small)[[1, 2, 3, 0]]
            else:
                values = getattr(reading, field.name)
                values += deviation * self._noise.standard_normal(len(values))

    def render(self, camera: str) -> np.ndarray:
        """The image (height, width, 3) uint8 of a camera of the configuration, or of model.OVERVIEW.

        Raises:
            ConfigError: no such camera.
            RenderError: no way to draw without a display.
        """
        if self._renderer is None:
            self._renderer = CameraRenderer(self.model, self.config.cameras)
        return self._renderer.render(self.data, camera)

    def close(self) -> None:
        """Release the graphics context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


__all__ = ['Command', 'SensorReading', 'Simulation']
