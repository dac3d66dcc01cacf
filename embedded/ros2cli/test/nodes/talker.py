"""A node with something of everything for the command to look at; prints 'ready' when all of it exists."""

import time

import rclpy
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor
from rclpy.action import ActionServer
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.service_introspection import ServiceIntrospectionState
from sensor_msgs.msg import JointState
from std_msgs.msg import Int32, String
from std_srvs.srv import SetBool
from tf2_msgs.action import LookupTransform


class Talker(Node):
    def __init__(self) -> None:
        super().__init__('talker', namespace='/demo')
        self.chatter = self.create_publisher(String, 'chatter', 10)
        self.states = self.create_publisher(JointState, 'joint_states', 10)
        self.latched = self.create_publisher(
            String, 'latched', QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        )
        self.latched.publish(String(data='kept'))
        self.create_subscription(Int32, 'in', lambda message: print(f'received {message.data}', flush=True), 10)
        self.create_timer(0.05, self.talk)
        bounds = [FloatingPointRange(from_value=0.0, to_value=100.0)]
        self.declare_parameter('rate', 20.0, ParameterDescriptor(description='how fast', floating_point_range=bounds))
        self.declare_parameter('names', ['a', 'b'])
        self.declare_parameter('sub.flag', True)
        self.declare_parameter('octets', [b'\x01', b'\x02'])
        service = self.create_service(SetBool, 'set', self.set_bool)
        service.configure_introspection(self.get_clock(), QoSProfile(depth=10), ServiceIntrospectionState.CONTENTS)
        self.action = ActionServer(self, LookupTransform, 'lookup', self.look_up)

    def talk(self) -> None:
        self.chatter.publish(String(data='hello'))
        state = JointState(name=['a', 'b'], position=[1.0, 2.0])
        state.header.stamp = self.get_clock().now().to_msg()
        self.states.publish(state)

    def set_bool(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success, response.message = request.data, 'set'
        return response

    def look_up(self, goal) -> LookupTransform.Result:
        # Who asked may not be known as a listener yet, and feedback is not kept for those who come late.
        for _ in range(1000):
            if self.count_subscribers('/demo/lookup/_action/feedback'):
                break
            time.sleep(0.01)
        goal.publish_feedback(LookupTransform.Feedback())
        goal.succeed()
        result = LookupTransform.Result()
        result.error.error_string = 'looked up ' + goal.request.target_frame
        return result


class Managed(LifecycleNode):
    def on_configure(self, _state) -> TransitionCallbackReturn:
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, _state) -> TransitionCallbackReturn:
        return TransitionCallbackReturn.FAILURE


def main() -> None:
    rclpy.init()
    executor = rclpy.executors.SingleThreadedExecutor()
    for node in (Talker(), Managed('managed', namespace='/demo')):
        executor.add_node(node)
    print('ready', flush=True)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        rclpy.try_shutdown()


main()
