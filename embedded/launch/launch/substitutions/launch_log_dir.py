"""Folder of the log files of this launch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..logging import launch_config
from ..substitution import Substitution

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


class LaunchLogDir(Substitution):
    """The folder into which this launch writes its log files."""

    def describe(self) -> str:
        return 'LaunchLogDir()'

    def perform(self, context: LaunchContext) -> str:
        return launch_config.log_dir
