"""
Launching of processes: our own version of the part of ROS 2's launch that this project uses.

Names, import paths and behaviour are those of ROS 2 Jazzy; what is not covered is an ImportError. Beyond stock
launch, the exit code of a failed process reaches the caller of LaunchService.run(), and no process outlives
the launch.
"""

from . import actions, conditions, descriptions, event_handlers, events, logging, substitutions
from ._unsupported import unsupported
from .action import Action
from .condition import Condition
from .event import Event
from .event_handler import BaseEventHandler, EventHandler
from .invalid_launch_file_error import InvalidLaunchFileError
from .launch_context import LaunchContext
from .launch_description import LaunchDescription
from .launch_description_entity import LaunchDescriptionEntity
from .launch_description_source import LaunchDescriptionSource
from .launch_service import LaunchService
from .some_actions_type import SomeActionsType, SomeActionsType_types_tuple
from .some_entities_type import SomeEntitiesType, SomeEntitiesType_types_tuple
from .some_substitutions_type import SomeSubstitutionsType, SomeSubstitutionsType_types_tuple
from .substitution import Substitution

__all__ = [
    'Action',
    'BaseEventHandler',
    'Condition',
    'Event',
    'EventHandler',
    'InvalidLaunchFileError',
    'LaunchContext',
    'LaunchDescription',
    'LaunchDescriptionEntity',
    'LaunchDescriptionSource',
    'LaunchService',
    'SomeActionsType',
    'SomeActionsType_types_tuple',
    'SomeEntitiesType',
    'SomeEntitiesType_types_tuple',
    'SomeSubstitutionsType',
    'SomeSubstitutionsType_types_tuple',
    'Substitution',
    'actions',
    'conditions',
    'descriptions',
    'event_handlers',
    'events',
    'logging',
    'substitutions',
]

__getattr__ = unsupported(__name__)
