"""Description of a process before and after its substitutions are performed."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from ..action import Action
from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..substitutions.launch_configuration import LaunchConfiguration
from ..utilities.normalize import normalize_to_list_of_substitutions, perform_any, perform_substitutions

_process_numbers = itertools.count(1)


class Executable:
    """
    Command, prefix, name, working directory and environment of a process.

    `arguments` follow `cmd`. `env` replaces the environment, `additional_env` adds to it. A process whose name is not
    given is called as its first word (of the prefix, if any); every final name ends in a number that is unique in this
    launch.
    """

    def __init__(
        self, *, cmd: Iterable[SomeSubstitutionsType], prefix: SomeSubstitutionsType | None = None,
        name: SomeSubstitutionsType | None = None, cwd: SomeSubstitutionsType | None = None,
        env: Mapping[Any, SomeSubstitutionsType] | None = None,
        additional_env: Mapping[Any, SomeSubstitutionsType] | None = None,
        arguments: Iterable[SomeSubstitutionsType] | None = None,
    ) -> None:
        for words, what in ((cmd, 'cmd'), (arguments, 'arguments')):
            if isinstance(words, str):
                raise TypeError(f"{what} must be a list of words, got the text '{words}'; use shell=True with [text]")
        self._arguments = None if arguments is None else list(arguments)
        self._cmd = [normalize_to_list_of_substitutions(word) for word in [*cmd, *(self._arguments or ())]]
        self._prefix = None if prefix is None else normalize_to_list_of_substitutions(prefix)
        self._name = None if name is None else normalize_to_list_of_substitutions(name)
        self._cwd = None if cwd is None else normalize_to_list_of_substitutions(cwd)
        self._env = None if env is None else dict(env)
        self._additional_env = None if additional_env is None else dict(additional_env)
        self._final_name: str | None = None
        self._final_cmd: list[str] | None = None
        self._final_cwd: str | None = None
        self._final_env: dict[str, str] | None = None

    @property
    def name(self) -> list[Substitution] | None:
        """The name given, or None."""
        return self._name

    @property
    def cmd(self) -> list[list[Substitution]]:
        """The command, one list of substitutions a word."""
        return self._cmd

    @property
    def cwd(self) -> list[Substitution] | None:
        """The working directory given, or None."""
        return self._cwd

    @property
    def env(self) -> dict[Any, SomeSubstitutionsType] | None:
        """The environment given, or None."""
        return self._env

    @property
    def additional_env(self) -> dict[Any, SomeSubstitutionsType] | None:
        """The additions to the environment, or None."""
        return self._additional_env

    @property
    def arguments(self) -> list[SomeSubstitutionsType] | None:
        """The words given after the command, or None."""
        return self._arguments

    @property
    def prefix(self) -> list[Substitution] | None:
        """What stands before the command, or None for the launch configuration launch-prefix."""
        return self._prefix

    @property
    def final_name(self) -> str | None:
        """The unique name, None before execution."""
        return self._final_name

    @property
    def final_cmd(self) -> list[str] | None:
        """The command with prefix, None before execution."""
        return self._final_cmd

    @property
    def final_cwd(self) -> str | None:
        """The working directory, None for that of launch."""
        return self._final_cwd

    @property
    def final_env(self) -> dict[str, str] | None:
        """The whole environment, None before execution."""
        return self._final_env

    def prepare(self, context: LaunchContext, action: Action) -> None:
        """Perform all substitutions for the execution of `action`."""
        words = [perform_substitutions(context, word) for word in self._cmd]
        if not words or not words[0].strip():
            raise ValueError('the command of a process is empty')
        self._final_cmd = self._prefix_words(context, os.path.basename(words[0])) + words
        name = os.path.basename(self._final_cmd[0]) if self._name is None else perform_substitutions(context, self._name)
        self._final_name = f'{name}-{next(_process_numbers)}'
        self._final_cwd = None if self._cwd is None else perform_substitutions(context, self._cwd)
        self._final_env = self._environment(context)

    def _prefix_words(self, context: LaunchContext, executable: str) -> list[str]:
        if self._prefix is not None:
            return shlex.split(perform_substitutions(context, self._prefix))
        pattern = perform_any(context, LaunchConfiguration('launch-prefix-filter', default=''))
        if pattern and re.match(pattern, executable) is None:
            return []
        return shlex.split(perform_any(context, LaunchConfiguration('launch-prefix', default='')))

    def _environment(self, context: LaunchContext) -> dict[str, str]:
        env = dict(context.environment) if self._env is None else {
            perform_any(context, key): perform_any(context, value) for key, value in self._env.items()}
        for key, value in (self._additional_env or {}).items():
            env[perform_any(context, key)] = perform_any(context, value)
        return env
