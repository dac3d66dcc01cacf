"""Types accepted wherever one or several launch entities are expected."""

from collections.abc import Iterable

from .launch_description_entity import LaunchDescriptionEntity

SomeEntitiesType = LaunchDescriptionEntity | Iterable[LaunchDescriptionEntity]

SomeEntitiesType_types_tuple = (LaunchDescriptionEntity, Iterable)
