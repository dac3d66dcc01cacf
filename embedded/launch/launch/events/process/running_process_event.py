"""Events of a running process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...event import Event

if TYPE_CHECKING:
    from ...actions.execute_local import ExecuteLocal


class RunningProcessEvent(Event):
    """Base class: which action, and the details of its process after all substitutions."""

    name = 'launch.events.process.RunningProcessEvent'

    def __init__(
        self, *, action: ExecuteLocal, name: str, cmd: list[str], cwd: str | None,
        env: dict[str, str] | None, pid: int,
    ) -> None:
        self._action = action
        self._process_name = name
        self._cmd = cmd
        self._cwd = cwd
        self._env = env
        self._pid = pid

    @property
    def action(self) -> ExecuteLocal:
        """The action that started the process."""
        return self._action

    @property
    def execute_process_action(self) -> ExecuteLocal:
        """The same as `action`."""
        return self._action

    @property
    def process_name(self) -> str:
        """The unique name, such as talker-1."""
        return self._process_name

    @property
    def cmd(self) -> list[str]:
        """The command."""
        return self._cmd

    @property
    def cwd(self) -> str | None:
        """The working directory, or None for that of launch."""
        return self._cwd

    @property
    def env(self) -> dict[str, str] | None:
        """The environment, or None for that of launch."""
        return self._env

    @property
    def pid(self) -> int:
        """The process id."""
        return self._pid


class ProcessStarted(RunningProcessEvent):
    """A process has started."""

    name = 'launch.events.process.ProcessStarted'


class ProcessExited(RunningProcessEvent):
    """A process has ended."""

    name = 'launch.events.process.ProcessExited'

    def __init__(self, *, returncode: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._returncode = returncode

    @property
    def returncode(self) -> int:
        """The exit code; -n if signal n ended the process."""
        return self._returncode
