"""Execution of a process on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..action import Action
from ..condition import Condition
from ..conditions.evaluate import text_to_bool
from ..event import Event
from ..event_handler import BaseEventHandler
from ..event_handlers.on_process import OnProcessExit
from ..events import Shutdown
from ..events.process import (
    ProcessExited,
    ProcessStarted,
    ProcessStderr,
    ProcessStdin,
    ProcessStdout,
    ShutdownProcess,
    SignalProcess,
)
from ..launch_context import LaunchContext
from ..launch_description_entity import LaunchDescriptionEntity
from ..logging import get_logger, get_output_loggers
from ..processes.child import ChildProcess, start_process
from ..processes.output import OutputLines
from ..processes.stop_times import SIGKILL_TIMEOUT, SIGTERM_TIMEOUT, StopTimes
from ..some_entities_type import SomeEntitiesType
from ..some_substitutions_type import SomeSubstitutionsType
from ..utilities.normalize import normalize_to_list_of_entities, perform_any
from ..utilities.typed import perform_bool

if TYPE_CHECKING:
    from ..descriptions import Executable

OnExit = SomeEntitiesType | Callable[[ProcessExited, LaunchContext], SomeEntitiesType | None]

# Exit codes of a process that a Ctrl-C or a hang-up of the terminal ended: the user's will, not a failure.
_ENDED_BY_USER = (-signal.SIGINT, -signal.SIGHUP, 128 + signal.SIGINT)
_CANNOT_START = 127


class _ProcessEvents(BaseEventHandler):
    """Passes the events that concern a process to its action."""

    def __init__(self, action: ExecuteLocal) -> None:
        self._action = action
        super().__init__(matcher=self._concerns)

    def _concerns(self, event: Event) -> bool:
        if isinstance(event, (ShutdownProcess, SignalProcess)):
            return event.process_matcher(self._action)
        return isinstance(event, Shutdown) or (isinstance(event, ProcessStdin) and event.action is self._action)

    def handle(self, event: Event, context: LaunchContext) -> None:
        super().handle(event, context)
        if isinstance(event, ShutdownProcess):
            self._action._stop(send_sigint=True)
        elif isinstance(event, SignalProcess):
            self._action._send_signal(event.signal)
        elif isinstance(event, Shutdown):
            self._action._stop(send_sigint=not event.due_to_sigint or context.noninteractive)
        elif isinstance(event, ProcessStdin):
            self._action._write_stdin(event.text)


class ExecuteLocal(Action):
    """
    Starts a process, logs its output, restarts it if asked to, and stops it at shutdown.

    Stopping: SIGINT, after `sigterm_timeout` seconds SIGTERM, after further `sigkill_timeout` seconds SIGKILL;
    both default to the launch configurations of the same names, or 5, and are performed when stopping begins.
    `emulate_tty`: the process sees a terminal (also by the launch configuration emulate_tty).
    `output`: see launch.logging.get_output_loggers; the environment variable OVERRIDE_LAUNCH_PROCESS_OUTPUT wins.
    `output_format`: format of a line, with `line` and `this` (the action).
    `cached_output`: keep the output for get_stdout() and get_stderr().
    `on_exit`: entities, or a function of event and context, for each exit.
    `respawn`: start the process again whenever it ends, after `respawn_delay` seconds, at most
    `respawn_max_retries` times (negative: always).
    """

    def __init__(
        self, *, process_description: Executable, shell: bool = False,
        sigterm_timeout: SomeSubstitutionsType = SIGTERM_TIMEOUT,
        sigkill_timeout: SomeSubstitutionsType = SIGKILL_TIMEOUT,
        emulate_tty: bool = False, output: SomeSubstitutionsType | dict[str, Any] = 'log',
        output_format: str = '[{this.process_description.final_name}] {line}', cached_output: bool = False,
        log_cmd: bool = False, on_exit: OnExit | None = None,
        respawn: bool | SomeSubstitutionsType = False, respawn_delay: float | None = None,
        respawn_max_retries: int = -1, condition: Condition | None = None,
    ) -> None:
        super().__init__(condition=condition)
        self._description = process_description
        self._shell = shell
        self._stop_times = StopTimes(sigterm_timeout, sigkill_timeout)
        self._emulate_tty = emulate_tty
        self._output: SomeSubstitutionsType | dict[str, Any] = os.environ.get(
            'OVERRIDE_LAUNCH_PROCESS_OUTPUT', output)
        self._output_format = output_format
        self._cached_output = cached_output
        self._log_cmd = log_cmd
        self._on_exit = on_exit
        self._respawn = respawn
        self._respawn_delay = respawn_delay or 0.0
        self._respawn_max_retries = respawn_max_retries
        self._logger = get_logger('launch')
        self._context: LaunchContext | None = None
        self._task: asyncio.Task[None] | None = None
        self._escalation: asyncio.Task[None] | None = None
        self._child: ChildProcess | None = None
        self._details: dict[str, Any] | None = None
        self._lines: OutputLines | None = None
        self._return_code: int | None = None
        self._stopping: asyncio.Event | None = None
        self._send_sigint = True
        self._signals_sent: set[int] = set()

    # -- what other code asks ------------------------------------------------------------------------

    @property
    def process_description(self) -> Executable:
        """The command and its surroundings."""
        return self._description

    @property
    def shell(self) -> bool:
        """Whether a shell interprets the command."""
        return self._shell

    @property
    def emulate_tty(self) -> bool:
        """Whether the process sees a terminal."""
        return self._emulate_tty

    @property
    def output(self) -> SomeSubstitutionsType | dict[str, Any]:
        """Where the output goes."""
        return self._output

    @property
    def sigterm_timeout(self) -> SomeSubstitutionsType:
        """Seconds from SIGINT to SIGTERM."""
        return self._stop_times.sigterm_timeout

    @property
    def sigkill_timeout(self) -> SomeSubstitutionsType:
        """Seconds from SIGTERM to SIGKILL."""
        return self._stop_times.sigkill_timeout

    @property
    def process_details(self) -> dict[str, Any] | None:
        """action, name, cmd, cwd and env, None before execution; and the pid once the process was started."""
        return self._details

    @property
    def return_code(self) -> int | None:
        """The exit code of the process, None while it runs."""
        return self._return_code

    def get_stdout(self) -> str:
        """Return the standard output so far; needs cached_output=True."""
        return self._cached_text(1)

    def get_stderr(self) -> str:
        """Return the error output so far; needs cached_output=True."""
        return self._cached_text(2)

    def _cached_text(self, descriptor: int) -> str:
        if not self._cached_output:
            raise RuntimeError('the output is not kept; give cached_output=True to the action')
        return '' if self._lines is None else self._lines.text(descriptor)

    def get_sub_entities(self) -> list[LaunchDescriptionEntity]:
        return [] if self._on_exit is None or callable(self._on_exit) else normalize_to_list_of_entities(self._on_exit)

    def get_asyncio_future(self) -> asyncio.Future[Any] | None:
        return self._task

    # -- execution -------------------------------------------------------------------------------------

    def prepare(self, context: LaunchContext) -> None:
        """Perform the substitutions of the process description."""
        description = self._description
        description.prepare(context, self)
        self._details = {'action': self, 'name': description.final_name, 'cmd': description.final_cmd,
                         'cwd': description.final_cwd, 'env': description.final_env}

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        if self._task is not None:
            raise RuntimeError(f"the process action '{self._description.final_name}' was executed twice; make two")
        self.prepare(context)
        if context.is_shutdown or context.asyncio_loop is None:
            return None
        self._context = context
        self._stopping = asyncio.Event()
        name = str(self._description.final_name)
        self._logger = get_logger(name)
        self._lines = self._make_output(context, name)
        self._stop_times.enter_scope(context)
        respawn = perform_bool(context, self._respawn, 'respawn')
        if 'emulate_tty' in context.launch_configurations:
            self._emulate_tty = text_to_bool(context.launch_configurations['emulate_tty'])
        events = _ProcessEvents(self)
        context.register_event_handler(events)
        if self._on_exit is not None:
            context.register_event_handler(OnProcessExit(target_action=self, on_exit=self._on_exit))
        self._task = context.asyncio_loop.create_task(self._supervise(context, events, respawn))
        return None

    def _make_output(self, context: LaunchContext, name: str) -> OutputLines:
        output = self._output if isinstance(self._output, dict) else perform_any(context, self._output)
        stdout, stderr = get_output_loggers(name, output)

        def format_line(line: str) -> str:
            return self._output_format.format(line=line, this=self)

        return OutputLines({1: stdout, 2: stderr}, format_line, self._cached_output)

    async def _supervise(self, context: LaunchContext, events: BaseEventHandler, respawn: bool) -> None:
        """Keep the process running until it has ended for good."""
        assert self._stopping is not None
        retries = 0
        try:
            while not self._stopping.is_set():
                returncode = await self._run_once(context)
                may_retry = self._respawn_max_retries < 0 or retries < self._respawn_max_retries
                if not respawn or not may_retry or self._stopping.is_set() or context.is_shutdown:
                    self._note_failure(context, returncode)
                    return
                retries += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._respawn_delay)
                    # The exit made a handler end the launch instead of being followed by a respawn.
                    if returncode != 0 and not context.is_interrupted:
                        context.note_failed_process(returncode)
        finally:
            if self._child is not None:
                self._child.close()
            if self._escalation is not None:
                self._escalation.cancel()
            context.unregister_event_handler(events)

    async def _run_once(self, context: LaunchContext) -> int:
        """Run the process once; return its exit code."""
        assert self._stopping is not None
        assert self._lines is not None
        assert self._details is not None
        cmd, cwd, env = (self._details[key] for key in ('cmd', 'cwd', 'env'))
        if self._log_cmd:
            self._logger.info(f"process details: cmd='{' '.join(cmd)}', cwd='{cwd}'")
        self._return_code = None
        self._signals_sent = set()
        try:
            child = await start_process(
                cmd, cwd=cwd, env=env, shell=self._shell, emulate_tty=self._emulate_tty, session=context.process_session)
        except (OSError, ValueError) as error:
            self._logger.error(f"process could not be started: {error} [cmd '{' '.join(cmd)}']")
            return _CANNOT_START
        self._child = child
        self._details = {**self._details, 'pid': child.pid}
        self._logger.info(f'process started with pid [{child.pid}]')
        context.emit_event_sync(ProcessStarted(**self._details))
        child.deliver_output(self._take_output)
        if self._stopping.is_set():
            self._begin_escalation()
        returncode = await child.wait()
        self._lines.finish()
        self._return_code = returncode
        if returncode == 0:
            self._logger.info(f'process has finished cleanly [pid {child.pid}]')
        else:
            self._logger.error(
                f"process has died [pid {child.pid}, exit code {returncode}, cmd '{' '.join(cmd)}'].")
        context.emit_event_sync(ProcessExited(returncode=returncode, **self._details))
        child.close()
        return returncode

    def _take_output(self, descriptor: int, data: bytes) -> None:
        assert self._lines is not None
        assert self._context is not None
        assert self._details is not None
        self._lines.add(descriptor, data)
        event_class = ProcessStdout if descriptor == 1 else ProcessStderr
        self._context.emit_event_sync(event_class(text=data, **self._details))

    def _note_failure(self, context: LaunchContext, returncode: int) -> None:
        """Tell the launch service of an exit that nobody asked for."""
        assert self._stopping is not None
        asked_for = self._stopping.is_set() or context.is_shutdown or -returncode in self._signals_sent
        if returncode != 0 and not asked_for and returncode not in _ENDED_BY_USER:
            context.note_failed_process(returncode)

    # -- stopping --------------------------------------------------------------------------------------

    def _stop(self, *, send_sigint: bool) -> None:
        """Begin to stop the process; `send_sigint` is False where the terminal has sent it already."""
        if self._context is None or self._stopping is None or self._stopping.is_set():
            return
        self._send_sigint = send_sigint
        self._stopping.set()
        try:
            self._stop_times.perform(self._context)
        finally:
            if self._child is not None and not self._child.has_exited:
                self._begin_escalation()

    def _begin_escalation(self) -> None:
        if self._escalation is None:
            self._escalation = asyncio.get_running_loop().create_task(self._escalate())

    async def _escalate(self) -> None:
        assert self._child is not None
        if self._send_sigint:
            self._send_signal(signal.SIGINT)
        steps = ((signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGKILL))
        for seconds, (before, after) in zip(self._stop_times.seconds, steps):
            if await self._child.exited(seconds):
                return
            self._logger.error(
                f"process[{self._description.final_name}] failed to terminate '{seconds:g}' seconds after "
                f"receiving '{before.name}', escalating to '{after.name}'")
            self._send_signal(after)

    def _send_signal(self, number: signal.Signals) -> None:
        if self._child is None or self._child.has_exited:
            self._logger.debug(f"signal '{number.name}' not sent: the process is not running")
            return
        self._logger.info(f"sending signal '{number.name}' to process[{self._description.final_name}]")
        self._signals_sent.add(int(number))
        self._child.send_signal(number)

    def _write_stdin(self, text: bytes) -> None:
        if self._child is not None and not self._child.has_exited:
            self._child.write(text)
