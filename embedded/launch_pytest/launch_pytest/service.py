"""Event loop and launch service of a test, and how they are started and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from weakref import WeakSet

import launch
import pytest
from launch.event_handlers import OnExecutionComplete
from launch.launch_description_entity import LaunchDescriptionEntity

from .actions import ReadyToTest

_reported: WeakSet[launch.LaunchService] = WeakSet()
"""Services whose error made a fixture or test fail already."""


def event_loop_fixture(scope: Any) -> Any:
    """Return a fixture `event_loop` of that scope."""

    @pytest.fixture(scope=scope, name='event_loop')
    def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
        """The event loop in which launch service and test run."""
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        yield loop
        asyncio.set_event_loop(None)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    return event_loop


def launch_service_fixture(scope: Any) -> Any:
    """Return a fixture `launch_service` of that scope."""

    @pytest.fixture(scope=scope, name='launch_service')
    def launch_service(event_loop: asyncio.AbstractEventLoop) -> Iterator[launch.LaunchService]:
        """The launch service that runs the launch description."""
        service = launch.LaunchService(noninteractive=True)
        service.handle_signals = False  # Ctrl-C is for pytest, which then tears the launch down
        yield service
        finish(service, event_loop, 'launch_service')

    return launch_service


def launch_context_fixture(scope: Any) -> Any:
    """Return a fixture `launch_context` of that scope."""

    @pytest.fixture(scope=scope, name='launch_context')
    def launch_context(launch_service: launch.LaunchService) -> launch.LaunchContext:
        """The context of the launch service."""
        return launch_service.context

    return launch_context


FIXTURES: dict[str, Callable[[Any], Any]] = {
    'event_loop': event_loop_fixture,
    'launch_service': launch_service_fixture,
    'launch_context': launch_context_fixture,
}


def finish(
    service: launch.LaunchService, loop: asyncio.AbstractEventLoop, what: str, *, shutdown: bool = True,
) -> None:
    """
    Wait until the launch has ended, by default after asking it to.

    Fails, once, if the launch description had an error. That a process failed is for the tests to judge.
    """
    if service.task is None or loop.is_closed():
        return
    if shutdown:
        service.shutdown(force_sync=True)
    loop.run_until_complete(asyncio.wait([service.task]))
    service.task.result()
    if service.launch_error is not None and service not in _reported:
        _reported.add(service)
        pytest.fail(f'{what}: the launch failed: {service.launch_error}', pytrace=False)


def _find_ready_actions(entities: Iterable[LaunchDescriptionEntity]) -> list[ReadyToTest]:
    found = []
    for entity in entities:
        if isinstance(entity, ReadyToTest):
            found.append(entity)
        found.extend(_find_ready_actions(entity.describe_sub_entities()))
        for _, sub_entities in entity.describe_conditional_sub_entities():
            found.extend(_find_ready_actions(sub_entities))
    return found


def start(
    service: launch.LaunchService, loop: asyncio.AbstractEventLoop, description: launch.LaunchDescription,
    what: str, *, shutdown_when_idle: bool,
) -> None:
    """Run the launch description until it is ready to test; fails if it ends before."""
    ready_actions = _find_ready_actions(description.entities)
    if len(ready_actions) > 1:
        raise RuntimeError(f'{what} must have only one ReadyToTest action, not {len(ready_actions)}')
    if not ready_actions:
        description.add_action(ReadyToTest())
    ready = asyncio.Event()
    # Whichever is executed: what was found in an included launch file is of a preview of it.
    service.context.register_event_handler(OnExecutionComplete(
        target_action=lambda action: isinstance(action, ReadyToTest), on_completion=lambda event, context: ready.set(),
        handle_once=True))
    service.include_launch_description(description)
    task = loop.create_task(service.run_async(shutdown_when_idle=shutdown_when_idle))

    async def wait_until_ready() -> None:
        waiter = asyncio.ensure_future(ready.wait())
        await asyncio.wait([waiter, task], return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()

    loop.run_until_complete(wait_until_ready())
    if not ready.is_set():
        _reported.add(service)
        pytest.fail(f'{what}: the launch ended before it was ready to test: {service.launch_error}', pytrace=False)
