"""Actions about nodes."""

from typing import Any

from launch._stock_modules import provide
from launch._unsupported import unsupported

from . import scope
from .node import Node
from .scope import PushROSNamespace, PushRosNamespace, SetParameter, SetParametersFromFile, SetRemap

__all__ = [
    'LifecycleNode',
    'Node',
    'PushROSNamespace',
    'PushRosNamespace',
    'SetParameter',
    'SetParametersFromFile',
    'SetRemap',
    'SetUseSimTime',
]

provide(
    __name__, push_ros_namespace=scope, set_parameter=scope, set_parameters_from_file=scope, set_remap=scope)

_unsupported = unsupported(__name__)


def __getattr__(name: str) -> Any:
    """Import rclpy, which takes long, only for the actions that need it."""
    if name == 'LifecycleNode':
        from .lifecycle_node import LifecycleNode
        return LifecycleNode
    if name == 'SetUseSimTime':
        from .set_use_sim_time import SetUseSimTime
        return SetUseSimTime
    return _unsupported(name)
