"""Launch files written in Python."""

import importlib.util
import os
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType

from ..errors import user_error_location
from ..invalid_launch_file_error import InvalidLaunchFileError, LaunchFileNotFoundError
from ..launch_description import LaunchDescription
from ..launch_description_source import LaunchDescriptionSource
from ..some_substitutions_type import SomePathType


class InvalidPythonLaunchFileError(InvalidLaunchFileError):
    """A Python launch file cannot be used."""


def load_python_launch_file_as_module(python_launch_file_path: str) -> ModuleType:
    """Execute the file as a module that is not entered into sys.modules and leaves no cache files."""
    loader = SourceFileLoader('python_launch_file', python_launch_file_path)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    if spec is None:
        raise InvalidPythonLaunchFileError(f'{python_launch_file_path}: not a Python file')
    module = importlib.util.module_from_spec(spec)
    write_cache, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = write_cache
    return module


def get_launch_description_from_python_launch_file(python_launch_file_path: str) -> LaunchDescription:
    """Return what `generate_launch_description()` of the file returns; InvalidLaunchFileError names the fault."""
    path = str(python_launch_file_path)
    if not os.path.isfile(path):
        raise LaunchFileNotFoundError(f"launch file '{path}' was not found")
    try:
        module = load_python_launch_file_as_module(path)
        generate = getattr(module, 'generate_launch_description', None)
        if generate is None:
            raise InvalidPythonLaunchFileError(f'{path}: no function generate_launch_description()')
        description = generate()
    except InvalidLaunchFileError:
        raise
    except Exception as error:
        raise InvalidPythonLaunchFileError(user_error_location(error, path)) from error
    if not isinstance(description, LaunchDescription):
        raise InvalidPythonLaunchFileError(
            f'{path}: generate_launch_description() must return a LaunchDescription, '
            f'got {type(description).__name__}')
    return description


class PythonLaunchDescriptionSource(LaunchDescriptionSource):
    """A launch file written in Python, by its path."""

    def __init__(self, launch_file_path: SomePathType) -> None:
        super().__init__(None, launch_file_path, 'interpreted python launch file')

    def _get_launch_description(self, location: str) -> LaunchDescription:
        return get_launch_description_from_python_launch_file(location)
