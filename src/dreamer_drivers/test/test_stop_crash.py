"""The emergency stop outlives a driver that is killed. The driver is a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from driver_process import driver
from rclpy.executors import SingleThreadedExecutor
from robot_files import write_robot
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from dreamer_interfaces.msg import Action, JointCommand
from dreamer_node import qos
from dreamer_node.wire import pack


class Peer:
    """Sensors, actor and person, on the clock of the machine."""

    def __init__(self, namespace: str) -> None:
        self.node = rclpy.create_node('peer', namespace=namespace)
        self.commands: list[JointCommand] = []
        self.summary = ''
        self.values: dict[str, str] = {}
        self.node.create_subscription(JointCommand, 'joint_command', self.commands.append, qos.STANDARD)
        self.node.create_subscription(DiagnosticArray, 'diagnostics', self._on_diagnostics, qos.STANDARD)
        self.joints = self.node.create_publisher(JointState, 'joint_states', qos.STANDARD)
        self.actions = self.node.create_publisher(Action, 'action', qos.STEPS_KEPT)
        self.client = self.node.create_client(Trigger, 'clear_emergency_stop')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self._step = 0

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.summary = message.status[0].message
        self.values = {item.key: item.value for item in message.status[0].values}

    def until(self, condition: Callable[[], Any], timeout: float = 20.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, 'the condition did not come true in time'
            self.executor.spin_once(timeout_sec=0.01)

    def clear(self) -> str:
        """Call clear_emergency_stop; empty when it was cleared, else why not."""
        self.until(self.client.service_is_ready)
        future = self.client.call_async(Trigger.Request())
        self.until(future.done)
        return '' if future.result().success else future.result().message

    def act(self) -> None:
        """One set of joint states and an action that answers it."""
        self._step += 1
        stamp = self.node.get_clock().now().to_msg()
        joints = JointState(name=['hip_joint', 'knee_joint'], position=[0.1, -0.5])
        action = Action(stream=5, step=self._step, action=pack('action', np.array([(1.0, 1.0)], np.float32)))
        joints.header.stamp = action.header.stamp = stamp
        self.joints.publish(joints)
        self.actions.publish(action)

    def modes(self, count: int) -> set[int]:
        """What actions at 20 Hz are answered with."""
        self.commands.clear()
        begun = self._step
        next_act = 0.0

        def answered() -> bool:
            nonlocal next_act
            if time.monotonic() >= next_act:
                next_act = time.monotonic() + 0.05
                self.act()
            return len({command.step for command in self.commands if command.step > begun}) >= count

        self.until(answered)
        return {command.mode for command in self.commands if command.step > begun}


def test_a_killed_driver_starts_stopped_until_it_is_cleared(ros: None, tmp_path: Path) -> None:
    namespace = f'/crash_test_{time.monotonic_ns()}'
    config_dir = write_robot(tmp_path)
    peer = Peer(namespace)
    try:
        with driver(namespace, tmp_path, config_dir):
            # Not latched: nothing but the driver itself can remember it.
            stop = peer.node.create_publisher(Bool, 'emergency_stop', qos.STANDARD)
            peer.until(stop.get_subscription_count)
            assert JointCommand.ACTIVE in peer.modes(5)
            stop.publish(Bool(data=True))
            peer.until(lambda: peer.summary.startswith('emergency stop'))
        peer.node.destroy_publisher(stop)
        with driver(namespace, tmp_path, config_dir):
            assert peer.modes(5) == {JointCommand.DAMP}
            # The same in the driver's own executor: a source that is latched has to withdraw its true.
            source = peer.node.create_publisher(Bool, 'emergency_stop', qos.LATCHED)
            source.publish(Bool(data=True))
            peer.values.clear()  # those of the killed driver say the same
            peer.until(lambda: peer.values.get('emergency_stop_requested') == 'True')
            assert 'publish false first' in peer.clear()
            source.publish(Bool(data=False))
            peer.until(lambda: not peer.clear())
            assert JointCommand.ACTIVE in peer.modes(5)
            assert not list((tmp_path / 'state').iterdir())
    finally:
        peer.close()
