"""Output of a command."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

from ..logging import get_logger
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_substitutions
from .substitution_failure import SubstitutionFailure

if TYPE_CHECKING:
    from ..launch_context import LaunchContext

ON_STDERR = ('fail', 'ignore', 'warn', 'capture')


class Command(Substitution):
    """
    What a command prints; it fails if the command does.

    `on_stderr`: 'fail' (default), 'ignore', 'warn' or 'capture' (part of the value).
    """

    def __init__(self, command: SomeSubstitutionsType, *, on_stderr: SomeSubstitutionsType = 'fail') -> None:
        self._command = normalize_to_list_of_substitutions(command)
        self._on_stderr = normalize_to_list_of_substitutions(on_stderr)

    @property
    def command(self) -> list[Substitution]:
        """The command line."""
        return self._command

    @property
    def on_stderr(self) -> list[Substitution]:
        """What to do with the error output."""
        return self._on_stderr

    def describe(self) -> str:
        return f"Command({' + '.join(sub.describe() for sub in self._command)})"

    def perform(self, context: LaunchContext) -> str:
        text = perform_substitutions(context, self._command)
        on_stderr = perform_substitutions(context, self._on_stderr)
        if on_stderr not in ON_STDERR:
            raise SubstitutionFailure(f"Command: on_stderr must be one of {ON_STDERR}, got '{on_stderr}'")
        command = shlex.split(text)
        if not command:
            raise SubstitutionFailure('Command: the command is empty')
        stderr = subprocess.STDOUT if on_stderr == 'capture' else subprocess.PIPE
        try:
            result = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=dict(context.environment))
        except FileNotFoundError as error:
            raise SubstitutionFailure(f'file not found: {error}') from error
        except OSError as error:
            raise SubstitutionFailure(f'the command cannot be started: {error}') from error
        printed = (result.stderr or result.stdout).strip()
        if result.returncode != 0:
            raise SubstitutionFailure(
                f'executed command failed. Command: {text} (exit code {result.returncode}): {printed}')
        if result.stderr:
            message = f'executed command showed stderr output. Command: {text}: {printed}'
            if on_stderr == 'fail':
                raise SubstitutionFailure(message)
            if on_stderr == 'warn':
                get_logger().warning(message)
        return result.stdout
