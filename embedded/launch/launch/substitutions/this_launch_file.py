"""Where the launch file being executed is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..substitution import Substitution
from .substitution_failure import SubstitutionFailure

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


def _current(context: LaunchContext, key: str) -> str:
    values = context.get_locals_as_dict()
    if values.get(key) is None:
        raise SubstitutionFailure('ThisLaunchFile is known only while a launch file is executed')
    return str(values[key])


class ThisLaunchFile(Substitution):
    """The path of the launch file in which the substitution is performed."""

    def describe(self) -> str:
        return 'ThisLaunchFile()'

    def perform(self, context: LaunchContext) -> str:
        return _current(context, 'current_launch_file_path')


class ThisLaunchFileDir(Substitution):
    """The folder of the launch file in which the substitution is performed."""

    def describe(self) -> str:
        return 'ThisLaunchFileDir()'

    def perform(self, context: LaunchContext) -> str:
        return _current(context, 'current_launch_file_directory')
