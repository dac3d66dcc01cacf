"""A driver among real topics, on a clock that the test turns."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from robot_files import ROBOT, write_robot
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from dreamer_drivers.node import DriverNode
from dreamer_interfaces.msg import Action, JointCommand
from dreamer_node import qos
from dreamer_node.runtime import Stop
from dreamer_node.wire import nanoseconds, pack

PERIOD = 50_000_000
"""ns"""
START = 100 * PERIOD
POSE = {'knee_joint': -0.5, 'other_joint': 9.0, 'hip_joint': 0.1}


def stamp_of(now: int) -> Time:
    return Time(sec=now // 10**9, nanosec=now % 10**9)


def forbid_to_look(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As for a user who may not search this folder; root may search every one."""
    lstat = os.lstat

    def denied(path: Any, **arguments: Any) -> os.stat_result:
        if Path(path).parent == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return lstat(path, **arguments)

    monkeypatch.setattr(os, 'lstat', denied)


class World:
    """Plays bridge, actor and person beside one driver."""

    def __init__(self, folder: Path, robot: str = ROBOT, **parameters: Any) -> None:
        self.namespace = f'/driver_test_{time.monotonic_ns()}'
        self.config_dir = write_robot(folder, robot)
        self.state_dir = folder / 'state'
        self.peer = rclpy.create_node('peer', namespace=self.namespace)
        self.commands: list[JointCommand] = []
        self.reports: list[DiagnosticArray] = []
        self.peer.create_subscription(JointCommand, 'joint_command', self.commands.append, qos.STANDARD)
        self.peer.create_subscription(DiagnosticArray, 'diagnostics', self.reports.append, qos.STANDARD)
        create = self.peer.create_publisher
        self.clock = create(Clock, 'clock', qos.CLOCK)
        self.joints = create(JointState, 'joint_states', qos.STANDARD)
        self.imu = create(Imu, 'imu', qos.STANDARD)
        self.actions = create(Action, 'action', qos.STEPS_KEPT)
        self.stop = create(Bool, 'emergency_stop', qos.STANDARD)
        self.driver = self.make_driver(**parameters)
        self.executor = SingleThreadedExecutor()
        for node in (self.peer, self.driver):
            self.executor.add_node(node)
        publishers = (self.clock, self.joints, self.actions, self.stop)
        self.until(lambda: all(publisher.get_subscription_count() for publisher in publishers))
        self.until(lambda: self.peer.count_publishers('joint_command') == 1 and self.driver.ready)

    def make_driver(self, **parameters: Any) -> DriverNode:
        values = {
            'config_dir': str(self.config_dir), 'state_dir': str(self.state_dir), 'robot': 'twig', 'task': 'twig_task',
            'use_sim_time': True,
        } | parameters
        driver = DriverNode(
            namespace=self.namespace,
            cli_args=['--ros-args', '-r', '/clock:=clock', '-r', '/diagnostics:=diagnostics'],
            parameter_overrides=[Parameter(name, value=value) for name, value in values.items()],
        )
        driver.stop = Stop()
        # Reports come when values() asks for them, so that none is from before.
        driver.diagnostics._timer.cancel()
        return driver

    def restart(self, **parameters: Any) -> None:
        """Another driver in place of the present one."""
        self.driver.close()
        self.executor.remove_node(self.driver)
        self.driver.destroy_node()
        self.driver = self.make_driver(**parameters)
        self.executor.add_node(self.driver)

    def close(self) -> None:
        self.executor.shutdown()
        self.driver.destroy_node()
        self.peer.destroy_node()

    def until(self, condition: Callable[[], Any], timeout: float = 60.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, 'the condition did not come true in time'
            self.executor.spin_once(timeout_sec=0.01)

    def set_time(self, now: int) -> None:
        self.clock.publish(Clock(clock=stamp_of(now)))
        self.until(lambda: self.driver.get_clock().now().nanoseconds == now)

    def await_matched(self, *publishers: Publisher) -> None:
        """Wait until each has a subscription, while no executor spins."""
        deadline = time.monotonic() + 60
        while not all(publisher.get_subscription_count() for publisher in publishers):
            assert time.monotonic() < deadline, 'no subscription in time'
            time.sleep(0.01)

    def publish_joints(self, now: int) -> None:
        message = JointState(name=list(POSE), position=list(POSE.values()), velocity=[0.0] * len(POSE))
        message.header.stamp = stamp_of(now)
        self.joints.publish(message)

    def measure(self, now: int) -> None:
        self.publish_joints(now)
        self.until(lambda: self.driver.measured_stamp == pytest.approx(now * 1e-9))

    def act(self, step: int, action: Any = (0.0, 0.0), stream: int = 5, now: int | None = None) -> None:
        message = Action(stream=stream, step=step, action=pack('action', np.array([action], np.float32)))
        message.header.stamp = stamp_of(START + step * PERIOD if now is None else now)
        self.actions.publish(message)

    def step(self, step: int, action: Any = (0.0, 0.0)) -> JointCommand:
        """One control period; the command that answers it."""
        now = START + step * PERIOD
        self.set_time(now)
        self.measure(now)
        self.commands.clear()
        self.act(step, action)
        return self.answer(step)

    def answer(self, step: int) -> JointCommand:
        """The first command that answers this step, of those not yet cleared; one before all actions answers none, at time 0."""
        def answers(command: JointCommand) -> bool:
            return command.step == step and nanoseconds(command.header) > 0

        self.until(lambda: any(map(answers, self.commands)))
        return next(filter(answers, self.commands))

    def await_mode(self, mode: int) -> JointCommand:
        self.commands.clear()
        self.until(lambda: any(command.mode == mode for command in self.commands))
        return next(command for command in self.commands if command.mode == mode)

    def call(self, service: str) -> Trigger.Response:
        client = self.peer.create_client(Trigger, service)
        self.until(client.service_is_ready)
        future = client.call_async(Trigger.Request())
        self.until(future.done)
        return future.result()

    def values(self) -> dict[str, str]:
        self.reports.clear()
        self.driver.diagnostics.publish()
        self.until(lambda: self.reports)
        status = self.reports[-1].status[0]
        return {'level': status.level, 'summary': status.message} | {item.key: item.value for item in status.values}
