"""Executes launch descriptions."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Iterable
from typing import Any

from .errors import describe_launch_error
from .event import Event
from .event_handlers.on_include_launch_description import OnIncludeLaunchDescription
from .event_handlers.on_shutdown import OnShutdown
from .events import IncludeLaunchDescription, Shutdown
from .events.process import SignalProcess
from .launch_context import LaunchContext
from .launch_description import LaunchDescription
from .launch_description_entity import LaunchDescriptionEntity
from .logging import get_logger, launch_config, log_launch_config
from .signals import SignalWatch
from .utilities.normalize import normalize_to_list_of_entities
from .utilities.visit import Started, visit_all_entities


class LaunchService:
    """
    Runs until all that was launched has ended, or until shutdown.

    `noninteractive`: a SIGINT of this process does not reach the children by itself, so it is passed on.
    `debug`: log more, with the traceback of errors.
    """

    def __init__(
        self, *, argv: Iterable[str] | None = None, noninteractive: bool = False, debug: bool = False,
    ) -> None:
        self._debug = debug
        if debug:
            launch_config.level = 'DEBUG'
        self._logger = get_logger('launch')
        self._context = LaunchContext(argv=argv, noninteractive=noninteractive)
        self._context.extend_globals({'launch_service': self})
        self._context.register_event_handler(OnIncludeLaunchDescription())
        self._context.register_event_handler(OnShutdown(on_shutdown=self._on_shutdown))
        self._futures: dict[asyncio.Future[Any], LaunchDescriptionEntity] = {}
        self._task: asyncio.Task[int] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread: threading.Thread | None = None
        self._wakeup: asyncio.Event | None = None
        self._launch_error: str | None = None
        self._interrupts = 0
        self.handle_signals = True
        """Whether run_async() takes over the signals of this process; a test runner keeps its own."""

    @property
    def context(self) -> LaunchContext:
        """The context of the launch."""
        return self._context

    @property
    def event_loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop, None if not running."""
        return self._loop

    @property
    def task(self) -> asyncio.Task[int] | None:
        """The task of run_async(), None if not running."""
        return self._task

    @property
    def launch_error(self) -> str | None:
        """The first error in a launch description, None if there was none."""
        return self._launch_error

    def emit_event(self, event: Event) -> None:
        """Queue `event`; may be called from any thread, also before the service runs."""
        self._context.emit_event_sync(event)

    def include_launch_description(self, launch_description: LaunchDescription) -> None:
        """Execute a launch description, now or when the service runs."""
        self.emit_event(IncludeLaunchDescription(launch_description))

    def shutdown(self, force_sync: bool = False) -> Awaitable[None] | None:
        """
        Begin shutdown; no effect if the service does not run.

        Returns an awaitable if called in the event loop without `force_sync`, otherwise None.
        """
        in_loop = threading.current_thread() is self._loop_thread and not force_sync
        if self._task is not None and not self._task.done():
            self._request_shutdown('LaunchService.shutdown() called')
        return asyncio.sleep(0) if in_loop else None

    def run(self, *, shutdown_when_idle: bool = True) -> int:
        """
        Run in a new event loop; return 0, or the exit code of the first process that failed.

        An error in a launch file is one line in the log and the code 1. A process ended by signal n counts as
        128 + n.
        """
        loop = asyncio.new_event_loop()
        try:
            asyncio.set_event_loop(loop)
            return loop.run_until_complete(self.run_async(shutdown_when_idle=shutdown_when_idle))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            asyncio.set_event_loop(None)
            loop.close()

    async def run_async(self, *, shutdown_when_idle: bool = True) -> int:
        """Run in the present event loop; see run()."""
        if self._task is not None and not self._task.done():
            raise RuntimeError('this launch service is running already')
        loop = asyncio.get_running_loop()
        wakeup = asyncio.Event()
        self._task = asyncio.current_task()
        self._loop, self._loop_thread, self._wakeup = loop, threading.current_thread(), wakeup
        self._launch_error, self._interrupts = None, 0
        self._context.begin_run()
        self._context._set_asyncio_loop(loop)
        self._context._wake = lambda: self._wake_from_any_thread(loop, wakeup)
        log_launch_config(logger=self._logger)
        try:
            with SignalWatch(loop, self._on_signal, active=self.handle_signals):
                await self._process_until_done(shutdown_when_idle)
        finally:
            for future in self._futures:
                future.cancel()
            await asyncio.gather(*self._futures, return_exceptions=True)
            self._futures.clear()
            self._context.close()
            self._context._set_asyncio_loop(None)
            self._context._wake = lambda: None
            self._loop = self._loop_thread = None
        return 1 if self._launch_error is not None else self._context.failed_process_code

    @staticmethod
    def _wake_from_any_thread(loop: asyncio.AbstractEventLoop, wakeup: asyncio.Event) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(wakeup.set)

    # -- the loop ------------------------------------------------------------------------------------

    def _is_idle(self) -> bool:
        return not self._context._events and not self._futures and not self._context._completion_futures

    async def _process_until_done(self, shutdown_when_idle: bool) -> None:
        assert self._wakeup is not None
        while True:
            if self._collect_futures():
                await asyncio.sleep(0)  # their callbacks may emit events
            if self._context._events:
                self._process_event(self._context._events.popleft())
                await asyncio.sleep(0)
                continue
            if self._is_idle():
                if self._context.is_shutdown:
                    return
                if shutdown_when_idle:
                    self._request_shutdown('idle')
                    continue
            self._wakeup.clear()
            wakeup = asyncio.ensure_future(self._wakeup.wait())
            waiting = {wakeup, *self._futures, *self._context._completion_futures}
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                wakeup.cancel()

    def _collect_futures(self) -> bool:
        """Drop futures that are done, and return whether there were any; their exceptions end the launch."""
        completion = self._context._completion_futures
        finished = [future for future in (*self._futures, *completion) if future.done()]
        for future in finished:
            if future in completion:
                completion.remove(future)
            self._futures.pop(future, None)
            error = None if future.cancelled() else future.exception()
            if isinstance(error, Exception):
                self._fail(error)
            elif error is not None:
                raise error
        return bool(finished)

    def _process_event(self, event: Event) -> None:
        """Let every handler that matches respond, and visit what it returns."""
        self._logger.debug(f"processing event: '{event.name}'")
        for handler in tuple(self._context._event_handlers):
            started: Started = []
            self._context._push_locals()
            try:
                if handler.matches(event):
                    for entity in normalize_to_list_of_entities(handler.handle(event, self._context)):
                        visit_all_entities(entity, self._context, started)
            except Exception as error:
                self._fail(error)
            finally:
                self._context._pop_locals()
                self._futures.update((future, entity) for entity, future in started)

    # -- the end -------------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        text = describe_launch_error(error)
        self._logger.error(text)
        if self._debug:
            self._logger.debug(''.join(traceback.format_exception(error)))
        self._launch_error = self._launch_error or text
        self._request_shutdown('error in the launch description')

    def _request_shutdown(self, reason: str, *, due_to_sigint: bool = False) -> None:
        if not self._context.is_shutdown:
            self._context._set_is_shutdown(True)
            self.emit_event(Shutdown(reason=reason, due_to_sigint=due_to_sigint))

    def _on_shutdown(self, event: Shutdown, context: LaunchContext) -> None:
        self._logger.debug(f'shutdown: {event.reason}')
        context._set_is_shutdown(True)

    def _on_signal(self, number: signal.Signals) -> None:
        self._interrupts += 1
        self._context.is_interrupted = True
        if number == signal.SIGINT:
            reason = 'ctrl-c (SIGINT)'
            text = f'user interrupted with {reason}'
        else:
            reason = text = f'received {number.name}'
        if number == signal.SIGQUIT:
            self._logger.error(f'{text}, terminating all processes now')
            self.emit_event(SignalProcess(signal_number=signal.SIGTERM, process_matcher=lambda action: True))
        elif self._interrupts > 1:
            self._logger.warning(f'{text} again, ignoring...')
        else:
            self._logger.warning(text)
        self._request_shutdown(reason, due_to_sigint=number == signal.SIGINT)
        sys.stdout.flush()
