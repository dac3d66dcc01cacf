"""Launch files whose kind follows from their name."""

import os

from ..invalid_launch_file_error import InvalidLaunchFileError, LaunchFileNotFoundError
from ..launch_description import LaunchDescription
from ..launch_description_source import LaunchDescriptionSource
from ..some_substitutions_type import SomePathType
from .python_launch_description_source import get_launch_description_from_python_launch_file


def get_launch_description_from_any_launch_file(launch_file_path: str) -> LaunchDescription:
    """Load a launch file; only Python ones are part of the embedded launch."""
    path = str(launch_file_path)
    if not os.path.isfile(path):
        raise LaunchFileNotFoundError(f"launch file '{path}' was not found")
    if os.path.splitext(path)[1] != '.py':
        raise InvalidLaunchFileError(
            f'{path}: XML and YAML launch files are not part of the embedded launch; install ROS 2 for them')
    return get_launch_description_from_python_launch_file(path)


class AnyLaunchDescriptionSource(LaunchDescriptionSource):
    """A launch file of any kind, by its path."""

    def __init__(self, launch_file_path: SomePathType) -> None:
        super().__init__(None, launch_file_path, 'any launch file')

    def _get_launch_description(self, location: str) -> LaunchDescription:
        return get_launch_description_from_any_launch_file(location)
