"""Running of test functions of every kind while the launch service runs."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any

import pytest
from launch import LaunchService

from .collection import STAGE_BEFORE, is_two_stage, options_of_item, runs_after_shutdown
from .service import finish

SECOND_STAGE = pytest.StashKey[Callable[[], None]]()
"""On the item of the first part of a generator test: the function that runs the second."""

_DONE = object()


def _run(loop: asyncio.AbstractEventLoop, function: Callable[..., Any], kwargs: dict[str, Any]) -> Any:
    """Run a function in a thread, or a coroutine function, while the event loop turns."""
    if inspect.iscoroutinefunction(function):
        return loop.run_until_complete(function(**kwargs))
    return loop.run_until_complete(loop.run_in_executor(None, functools.partial(function, **kwargs)))


def _step(loop: asyncio.AbstractEventLoop, generator: Any) -> bool:
    """Run a (possibly asynchronous) generator up to its next yield; return False at its end."""
    if isinstance(generator, Generator):
        return loop.run_until_complete(loop.run_in_executor(None, next, generator, _DONE)) is not _DONE
    try:
        loop.run_until_complete(anext(generator))
    except StopAsyncIteration:
        return False
    return True


def wrap_test(item: pytest.Function) -> None:
    """Replace the function of a launch test by one that runs it beside its launch service."""
    options = options_of_item(item)
    assert options is not None
    function = item.obj
    funcargs: dict[str, Any] = item.funcargs
    loop: asyncio.AbstractEventLoop = funcargs['event_loop']
    service: LaunchService = funcargs['launch_service']

    def shut_down() -> None:
        finish(service, loop, item.name, shutdown=options.auto_shutdown)

    if STAGE_BEFORE in item.stash:
        item.obj = _second_stage_of(item.stash[STAGE_BEFORE])
    elif is_two_stage(function):
        if runs_after_shutdown(item):
            pytest.fail('a generator or async generator test cannot be marked with shutdown=True', pytrace=False)
        item.obj = _first_stage(item, function, loop, shut_down, separate=options.scope != 'function')
    else:
        before = shut_down if runs_after_shutdown(item) else None
        item.obj = _single_stage(function, loop, before)


def _single_stage(
    function: Callable[..., Any], loop: asyncio.AbstractEventLoop, before: Callable[[], None] | None,
) -> Callable[..., None]:

    @functools.wraps(function)
    def test(**kwargs: Any) -> None:
        if before is not None:
            before()
        _run(loop, function, kwargs)

    return _as_plain_function(test)


def _first_stage(
    item: pytest.Function, function: Callable[..., Any], loop: asyncio.AbstractEventLoop,
    shut_down: Callable[[], None], separate: bool,
) -> Callable[..., None]:

    @functools.wraps(function)
    def test(**kwargs: Any) -> None:
        generator = function(**kwargs)
        if not _step(loop, generator):
            pytest.fail('a generator launch test must yield once', pytrace=False)

        def second_stage() -> None:
            shut_down()
            if _step(loop, generator):
                pytest.fail('a generator launch test must stop iteration after yielding once', pytrace=False)

        if separate:
            item.stash[SECOND_STAGE] = second_stage
        else:
            second_stage()

    return _as_plain_function(test)


def _second_stage_of(first: pytest.Function) -> Callable[..., None]:

    def test(**kwargs: Any) -> None:
        if SECOND_STAGE not in first.stash:
            pytest.skip('the part of the test before shutdown did not pass')
        first.stash[SECOND_STAGE]()

    return test


def _as_plain_function(wrapper: Callable[..., None]) -> Callable[..., None]:
    """Hide the wrapped function, which pytest would take for the kind of the test."""
    del wrapper.__wrapped__  # type: ignore[attr-defined]
    return wrapper
