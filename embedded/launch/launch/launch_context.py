"""The state in which a launch description is executed."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from .event import Event
from .processes.session import ProcessSession
from .substitution import Substitution

if TYPE_CHECKING:
    from .event_handler import BaseEventHandler


class Locals:
    """Attribute access to the values that are valid at this point of the execution."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"context.locals has no '{name}' here")


class LaunchContext:
    """
    Launch configurations, environment, locals, event handlers and the event queue of one launch.

    `environment` is the environment of this process, as in stock launch: changes reach all processes
    started later.
    """

    def __init__(self, *, argv: Iterable[str] | None = None, noninteractive: bool = False) -> None:
        self._argv = list(argv) if argv is not None else []
        self._noninteractive = noninteractive
        self._event_handlers: deque[BaseEventHandler] = deque()
        self._events: deque[Event] = deque()
        self._wake: Callable[[], None] = lambda: None
        self._completion_futures: list[asyncio.Future[Any]] = []
        self._cleanups: list[Callable[[], None]] = []
        self._globals: dict[str, Any] = {}
        self._locals: dict[str, Any] = {}
        self._locals_stack: list[dict[str, Any]] = []
        self._launch_configurations: dict[str, str] = {}
        self._launch_configurations_stack: list[dict[str, str]] = []
        self._environment_stack: list[dict[str, str]] = []
        self._environment_reset = dict(os.environ)
        self._is_shutdown = False
        self.is_interrupted = False
        """Whether a signal from outside (Ctrl-C, say) ends the launch."""
        self._failed_process_code = 0
        self.process_session = ProcessSession()
        self._asyncio_loop: asyncio.AbstractEventLoop | None = None

    @property
    def argv(self) -> list[str]:
        """Command line arguments given to the launch service."""
        return self._argv

    @property
    def noninteractive(self) -> bool:
        """Whether a SIGINT of this process does not reach the children by itself (no terminal)."""
        return self._noninteractive

    @property
    def is_shutdown(self) -> bool:
        """Whether shutdown has begun."""
        return self._is_shutdown

    def begin_run(self) -> None:
        """Forget how the run before ended."""
        self._is_shutdown = self.is_interrupted = False
        self._failed_process_code = 0

    def _set_is_shutdown(self, state: bool) -> None:
        self._is_shutdown = state

    @property
    def asyncio_loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop while the launch service runs."""
        return self._asyncio_loop

    def _set_asyncio_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._asyncio_loop = loop

    def add_completion_future(self, completion_future: asyncio.Future[Any]) -> None:
        """Keep the launch service from being idle until `completion_future` is done."""
        self._completion_futures.append(completion_future)

    def add_cleanup(self, function: Callable[[], None]) -> None:
        """Call `function` when the launch service has ended, last added first."""
        self._cleanups.append(function)

    @property
    def failed_process_code(self) -> int:
        """Exit code of the first process that failed, 0 if none has."""
        return self._failed_process_code

    def note_failed_process(self, returncode: int) -> None:
        """Keep the exit code of the first process that failed; 128 + n if signal n ended it."""
        if self._failed_process_code == 0:
            self._failed_process_code = returncode if returncode > 0 else 128 - returncode

    def close(self) -> None:
        """End what processes have left behind, then run the clean-up functions."""
        self.process_session.close()
        while self._cleanups:
            self._cleanups.pop()()

    # -- locals ---------------------------------------------------------------------------------

    @property
    def locals(self) -> Locals:
        """Values of this point of the execution (event, launch file, ...) on top of the globals."""
        return Locals(self.get_locals_as_dict())

    def get_locals_as_dict(self) -> dict[str, Any]:
        """Return globals and locals merged."""
        return {**self._globals, **self._locals}

    def extend_globals(self, extensions: dict[str, Any]) -> None:
        """Add values for the whole launch."""
        self._globals.update(extensions)

    def extend_locals(self, extensions: dict[str, Any]) -> None:
        """Add values until the present event is handled."""
        self._locals.update(extensions)

    def _push_locals(self) -> None:
        self._locals_stack.append(dict(self._locals))

    def _pop_locals(self) -> None:
        if not self._locals_stack:
            raise RuntimeError('pop of locals without push')
        self._locals = self._locals_stack.pop()

    def _clear_locals(self) -> None:
        self._locals = {}

    # -- launch configurations and environment ------------------------------------------------------

    @property
    def launch_configurations(self) -> dict[str, str]:
        """The launch configurations of the present scope."""
        return self._launch_configurations

    def _push_launch_configurations(self) -> None:
        # The inner scope gets the copy: whoever keeps the mapping of a scope sees what is set in that scope later on.
        self._launch_configurations_stack.append(self._launch_configurations)
        self._launch_configurations = dict(self._launch_configurations)

    def _pop_launch_configurations(self) -> None:
        if not self._launch_configurations_stack:
            raise RuntimeError('pop of launch configurations without push')
        self._launch_configurations = self._launch_configurations_stack.pop()

    @property
    def environment(self) -> MutableMapping[str, str]:
        """The environment that processes are started with."""
        return os.environ

    def _replace_environment(self, values: dict[str, str]) -> None:
        os.environ.clear()
        os.environ.update(values)

    def _push_environment(self) -> None:
        self._environment_stack.append(dict(os.environ))

    def _pop_environment(self) -> None:
        if not self._environment_stack:
            raise RuntimeError('pop of the environment without push')
        self._replace_environment(self._environment_stack.pop())

    def _reset_environment(self) -> None:
        self._replace_environment(self._environment_reset)

    # -- events ---------------------------------------------------------------------------------

    def would_handle_event(self, event: Event) -> bool:
        """Return whether any registered handler matches `event`."""
        return any(handler.matches(event) for handler in tuple(self._event_handlers))

    def register_event_handler(self, event_handler: BaseEventHandler, append: bool = False) -> None:
        """Register a handler; it comes before the others unless `append`."""
        if append:
            self._event_handlers.append(event_handler)
        else:
            self._event_handlers.appendleft(event_handler)

    def unregister_event_handler(self, event_handler: BaseEventHandler) -> None:
        """Remove a handler; ValueError if it is not registered."""
        if event_handler not in self._event_handlers:
            raise ValueError(f'the event handler {event_handler!r} is not registered')
        self._event_handlers.remove(event_handler)

    def emit_event_sync(self, event: Event) -> None:
        """Queue `event`; may be called from any thread."""
        self._events.append(event)
        self._wake()

    async def emit_event(self, event: Event) -> None:
        """Queue `event`."""
        self.emit_event_sync(event)

    def perform_substitution(self, substitution: Substitution) -> str:
        """Perform one substitution in this context."""
        return substitution.perform(self)
