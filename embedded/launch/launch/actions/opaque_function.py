"""Python functions and coroutines as actions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from ..action import Action
from ..condition import Condition
from ..event_handlers.on_shutdown import OnShutdown
from ..events import Shutdown
from ..launch_context import LaunchContext
from ..launch_description_entity import LaunchDescriptionEntity
from ..utilities.normalize import normalize_to_list_of_entities


class OpaqueFunction(Action):
    """Calls `function(context, *args, **kwargs)`; entities that it returns are visited."""

    def __init__(
        self, *, function: Callable[..., Any], args: Iterable[Any] | None = None,
        kwargs: dict[str, Any] | None = None, condition: Condition | None = None,
    ) -> None:
        super().__init__(condition=condition)
        if not callable(function):
            raise TypeError(f'OpaqueFunction: function must be callable, got {function!r}')
        self._function = function
        self._args = list(args or ())
        self._kwargs = dict(kwargs or {})

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        return normalize_to_list_of_entities(self._function(context, *self._args, **self._kwargs))


class OpaqueCoroutine(Action):
    """Runs `coroutine(context, *args, **kwargs)` beside the launch; cancelled at shutdown."""

    def __init__(
        self, *, coroutine: Callable[..., Coroutine[Any, Any, None]], args: Iterable[Any] | None = None,
        kwargs: dict[str, Any] | None = None, ignore_context: bool = False,
        condition: Condition | None = None,
    ) -> None:
        super().__init__(condition=condition)
        if not asyncio.iscoroutinefunction(coroutine):
            raise TypeError(f'OpaqueCoroutine: coroutine must be a coroutine function, got {coroutine!r}')
        self._coroutine = coroutine
        self._args = list(args or ())
        self._kwargs = dict(kwargs or {})
        self._ignore_context = ignore_context
        self._future: asyncio.Task[None] | None = None

    async def _run(self, context: LaunchContext) -> None:
        args = self._args if self._ignore_context else [context, *self._args]
        try:
            await self._coroutine(*args, **self._kwargs)
        except asyncio.CancelledError:
            if not context.is_shutdown:
                raise

    def execute(self, context: LaunchContext) -> None:
        assert context.asyncio_loop is not None
        task = context.asyncio_loop.create_task(self._run(context))
        self._future = task

        def cancel(event: Shutdown, context: LaunchContext) -> None:
            task.cancel()

        context.register_event_handler(OnShutdown(on_shutdown=cancel))

    def get_asyncio_future(self) -> asyncio.Future[Any] | None:
        return self._future
