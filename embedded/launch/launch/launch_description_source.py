"""Where a launch description comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .launch_description import LaunchDescription
from .logging import get_logger
from .some_substitutions_type import SomePathType
from .utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions

if TYPE_CHECKING:
    from .launch_context import LaunchContext


class LaunchDescriptionSource:
    """A launch description, or the path of a launch file with the function that loads it."""

    def __init__(
        self, launch_description: LaunchDescription | None = None, location: SomePathType = '',
        method: str = 'unspecified mechanism from a script',
        load: Callable[[str], LaunchDescription] | None = None,
    ) -> None:
        self._launch_description = launch_description
        self._location_subs = normalize_to_list_of_substitutions(location)
        self._location: str | None = None
        self._method = method
        self._load = load

    def get_launch_description(self, context: LaunchContext) -> LaunchDescription:
        """Load the launch description once; raises InvalidLaunchFileError naming the file."""
        if self._location is None:
            self._location = perform_substitutions(context, self._location_subs)
        if self._launch_description is None:
            self._launch_description = self._get_launch_description(self._location)
        return self._launch_description

    def _get_launch_description(self, location: str) -> LaunchDescription:
        if self._load is None:
            raise NotImplementedError(f'{type(self).__name__}: no launch description and no way to load one')
        return self._load(location)

    def try_get_launch_description_without_context(self) -> LaunchDescription | None:
        """
        Return the launch description, or a preview of it where it is not loaded yet; None where it cannot be loaded.

        A preview knows neither launch configurations nor the environment of the place where it is included, so it is
        not kept.
        """
        from .launch_context import LaunchContext
        if self._launch_description is not None:
            return self._launch_description
        try:
            return self._get_launch_description(perform_substitutions(LaunchContext(), self._location_subs))
        except Exception as error:
            get_logger('launch').debug(f'launch file is not known before execution: {error}')
            return None

    @property
    def location(self) -> str:
        """The path, or a description of it before it is known."""
        if self._location is None:
            return ' + '.join(sub.describe() for sub in self._location_subs)
        return self._location

    @property
    def method(self) -> str:
        """How the description is obtained."""
        return self._method

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.location})'


