"""What a launch description can do."""

from .._stock_modules import provide
from .._unsupported import unsupported
from . import environment, event_actions, launch_configurations, opaque_function
from .declare_launch_argument import DeclareLaunchArgument
from .environment import (
    AppendEnvironmentVariable,
    PopEnvironment,
    PushEnvironment,
    ResetEnvironment,
    SetEnvironmentVariable,
    UnsetEnvironmentVariable,
)
from .event_actions import EmitEvent, LogInfo, RegisterEventHandler, Shutdown, UnregisterEventHandler
from .execute_local import ExecuteLocal
from .execute_process import ExecuteProcess
from .group_action import GroupAction
from .include_launch_description import IncludeLaunchDescription
from .launch_configurations import (
    PopLaunchConfigurations,
    PushLaunchConfigurations,
    ResetLaunchConfigurations,
    SetLaunchConfiguration,
    UnsetLaunchConfiguration,
)
from .opaque_function import OpaqueCoroutine, OpaqueFunction
from .timer_action import TimerAction

__all__ = [
    'AppendEnvironmentVariable',
    'DeclareLaunchArgument',
    'EmitEvent',
    'ExecuteLocal',
    'ExecuteProcess',
    'GroupAction',
    'IncludeLaunchDescription',
    'LogInfo',
    'OpaqueCoroutine',
    'OpaqueFunction',
    'PopEnvironment',
    'PopLaunchConfigurations',
    'PushEnvironment',
    'PushLaunchConfigurations',
    'RegisterEventHandler',
    'ResetEnvironment',
    'ResetLaunchConfigurations',
    'SetEnvironmentVariable',
    'SetLaunchConfiguration',
    'Shutdown',
    'TimerAction',
    'UnregisterEventHandler',
    'UnsetEnvironmentVariable',
    'UnsetLaunchConfiguration',
]

provide(
    __name__,
    append_environment_variable=environment,
    emit_event=event_actions,
    log_info=event_actions,
    opaque_coroutine=opaque_function,
    pop_environment=environment,
    pop_launch_configurations=launch_configurations,
    push_environment=environment,
    push_launch_configurations=launch_configurations,
    register_event_handler=event_actions,
    reset_environment=environment,
    reset_launch_configurations=launch_configurations,
    set_environment_variable=environment,
    set_launch_configuration=launch_configurations,
    shutdown_action=event_actions,
    unregister_event_handler=event_actions,
    unset_environment_variable=environment,
    unset_launch_configuration=launch_configurations,
)

__getattr__ = unsupported(__name__)
