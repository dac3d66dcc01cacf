"""Loading of launch files."""

from .._unsupported import unsupported
from ..invalid_launch_file_error import InvalidLaunchFileError
from .any_launch_description_source import AnyLaunchDescriptionSource, get_launch_description_from_any_launch_file
from .python_launch_description_source import (
    InvalidPythonLaunchFileError,
    PythonLaunchDescriptionSource,
    get_launch_description_from_python_launch_file,
    load_python_launch_file_as_module,
)

__all__ = [
    'AnyLaunchDescriptionSource',
    'InvalidLaunchFileError',
    'InvalidPythonLaunchFileError',
    'PythonLaunchDescriptionSource',
    'get_launch_description_from_any_launch_file',
    'get_launch_description_from_python_launch_file',
    'load_python_launch_file_as_module',
]

__getattr__ = unsupported(__name__)
