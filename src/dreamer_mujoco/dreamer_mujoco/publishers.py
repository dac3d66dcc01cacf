"""Publishes one robot's sensors; what costs time and nobody reads is left out."""

from __future__ import annotations

import time

from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, Imu, JointState
from tf2_msgs.msg import TFMessage

from dreamer_learning.config import ConfigError
from dreamer_mujoco.messages import CameraMessages, SensorMessages
from dreamer_mujoco.rendering import RenderError
from dreamer_mujoco.simulation import SensorReading, Simulation
from dreamer_node.qos import CLOCK, STANDARD

READERS_PERIOD = 0.2
"""s of wall time between two looks at who subscribes."""

UNPACED_CLOCK_PERIOD = 0.01
"""s of wall time at least between two clocks where nothing paces the simulation. Every node takes each of them, and a fifth of
the machine would go there."""

TF_QOS = QoSProfile(depth=100)


class SensorPublishers:
    """All topics that the bridge publishes.

    Args:
        node: whose topics they are.
        simulation: the robot.
        camera: 'auto' = images when someone subscribes, 'on', 'off'.
        needed: the task cannot do without images.
        clock_period: s of wall time at least between two messages on /clock.

    Raises:
        ConfigError: camera is 'on' or images are needed, and this machine cannot draw.
    """

    def __init__(self, node: Node, simulation: Simulation, camera: str, needed: bool, clock_period: float = 0.0) -> None:
        self._node = node
        self._simulation = simulation
        self._reading = simulation.read()
        config = simulation.config
        noise, scale = config.sensor_noise, simulation.conditions.sensor_noise
        variances = [
            (scale * item) ** 2 for item in (noise.orientation, noise.angular_velocity, noise.linear_acceleration)
        ]
        self._messages = SensorMessages(
            config.joints, config.base_link, config.imu_link or config.base_link, (variances[0], variances[1], variances[2])
        )
        self._clock = node.create_publisher(Clock, '/clock', CLOCK)
        self._joints = node.create_publisher(JointState, 'joint_states', STANDARD)
        self._imu = node.create_publisher(Imu, 'imu', STANDARD)
        self._odometry = node.create_publisher(Odometry, 'ground_truth/odom', STANDARD)
        self._transform = node.create_publisher(TFMessage, '/tf', TF_QOS)
        self._cameras = {} if camera == 'off' else {name: Camera(node, simulation, name) for name in config.cameras}
        self._always = camera == 'on'
        self._truth = self._images = False
        self._looked = self._clocked = -1.0
        self._clock_period = clock_period
        self.frames = 0
        self.render_error = ''
        if self._always or needed:
            for name in self._cameras:
                try:
                    simulation.render(name)
                except RenderError as error:
                    raise ConfigError(f"{'the task needs images' if needed else 'camera: on'}: {error}") from None

    def publish(self, reading: SensorReading) -> None:
        """Publish a new reading, with images where they are due."""
        self._reading = reading
        self._messages.fill(reading)
        self.repeat()

    def repeat(self) -> None:
        """Publish the last reading, also to those who came since; the clock first, so that nothing is from the future."""
        now = time.monotonic()
        self._look(now)
        messages = self._messages
        if now - self._clocked >= self._clock_period:
            self._clocked = now
            self._clock.publish(messages.clock)
        if self._images:
            self._render(self._reading.stamp)
        self._imu.publish(messages.imu)
        self._joints.publish(messages.joints)
        if self._truth:
            messages.fill_truth(self._reading)
            self._odometry.publish(messages.odometry)
            self._transform.publish(messages.transform)

    def _look(self, now: float) -> None:
        if now - self._looked < READERS_PERIOD:
            return
        self._looked = now
        self._truth = self._odometry.get_subscription_count() > 0 or self._transform.get_subscription_count() > 0
        self._images = bool(self._cameras) and (self._always or any(c.wanted for c in self._cameras.values()))

    def _render(self, stamp: int) -> None:
        for camera in self._cameras.values():
            if not (self._always or camera.wanted):
                continue
            try:
                self.frames += camera.render_if_due(stamp)
            except RenderError as error:
                self._node.get_logger().error(f'no camera images: {error}')
                self.render_error = str(error)
                self._cameras, self._images = {}, False
                return
            camera.publish(stamp)


class Camera:
    """One camera's topics."""

    def __init__(self, node: Node, simulation: Simulation, name: str) -> None:
        self._simulation = simulation
        self._name = name
        config = simulation.config.cameras[name]
        self._messages = CameraMessages(config)
        self._period = round(1e9 / config.rate)
        self._next = 0
        self._drawn = -1
        self._image = node.create_publisher(Image, f'{name}/image_raw', STANDARD)
        self._info = node.create_publisher(CameraInfo, f'{name}/camera_info', STANDARD)

    @property
    def wanted(self) -> bool:
        """Whether someone subscribes to the images."""
        return self._image.get_subscription_count() > 0

    def render_if_due(self, stamp: int) -> bool:
        """Draw the image of this time (ns) if the camera's rate asks for one; whether it did."""
        if stamp < self._next:
            return False
        # From the time grid, so that a rate that is no divisor of the sensors' rate is kept in the mean.
        self._next = (stamp // self._period + 1) * self._period
        self._messages.fill(self._simulation.render(self._name), stamp)
        self._drawn = stamp
        return True

    def publish(self, stamp: int) -> None:
        """Publish the image if it is of this time (ns)."""
        if self._drawn == stamp:
            self._image.publish(self._messages.image)
            self._info.publish(self._messages.info)
