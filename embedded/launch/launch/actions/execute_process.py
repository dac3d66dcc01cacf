"""Execution of a command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..descriptions.executable import Executable
from ..some_substitutions_type import SomeSubstitutionsType
from .execute_local import ExecuteLocal


class ExecuteProcess(ExecuteLocal):
    """
    Starts the command `cmd`, a list of words, each text or substitutions.

    `prefix`: words before it (a debugger, say; default: the launch configuration launch-prefix).
    `name`: of the process in the log (default: the executable). `cwd`: its working directory.
    `env` replaces the environment, `additional_env` adds to it. Further arguments: see ExecuteLocal.
    """

    def __init__(
        self, *, cmd: Iterable[SomeSubstitutionsType], prefix: SomeSubstitutionsType | None = None,
        name: SomeSubstitutionsType | None = None, cwd: SomeSubstitutionsType | None = None,
        env: Mapping[Any, SomeSubstitutionsType] | None = None,
        additional_env: Mapping[Any, SomeSubstitutionsType] | None = None, **kwargs: Any,
    ) -> None:
        super().__init__(
            process_description=Executable(
                cmd=cmd, prefix=prefix, name=name, cwd=cwd, env=env, additional_env=additional_env),
            **kwargs)

    @property
    def name(self) -> Any:
        """The unique name, before execution what was given."""
        return self._description.final_name or self._description.name

    @property
    def cmd(self) -> Any:
        """The command, before execution as substitutions."""
        return self._description.final_cmd or self._description.cmd

    @property
    def cwd(self) -> Any:
        """The working directory, before execution as substitutions."""
        return self._description.final_cwd or self._description.cwd

    @property
    def env(self) -> Any:
        """The environment, before execution what was given."""
        return self._description.final_env or self._description.env

    @property
    def additional_env(self) -> Any:
        """The additions to the environment."""
        return self._description.additional_env
