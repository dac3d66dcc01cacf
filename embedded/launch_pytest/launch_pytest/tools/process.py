"""
Waiting for what processes do.

The functions without `_sync` are coroutines for tests in the event loop, those with it are for plain tests.
`timeout` is in seconds, None waits for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from launch import LaunchContext
from launch.actions import ExecuteLocal
from launch.event_handler import BaseEventHandler
from launch.event_handlers import OnProcessExit, OnProcessIO, OnProcessStart

Validate = Callable[[str], Any]
MakeHandler = Callable[[Callable[[], None]], BaseEventHandler]


@contextlib.contextmanager
def _registered(context: LaunchContext, handler: BaseEventHandler) -> Iterator[None]:
    context.register_event_handler(handler, append=True)
    try:
        yield
    finally:
        context.unregister_event_handler(handler)


async def _wait(
    context: LaunchContext, make_handler: MakeHandler, condition: Callable[[], bool], timeout: float | None,
) -> bool:
    """Check `condition` now and after each event; return whether it came true in time."""
    happened = asyncio.Event()
    deadline = None if timeout is None else time.monotonic() + timeout
    with _registered(context, make_handler(happened.set)):
        while not condition():
            happened.clear()
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                await asyncio.wait_for(happened.wait(), left)
            except TimeoutError:
                return condition()
    return True


def _wait_sync(
    context: LaunchContext, make_handler: MakeHandler, condition: Callable[[], bool], timeout: float | None,
) -> bool:
    """Check `condition` now and after each event; return whether it came true in time."""
    happened = threading.Event()
    deadline = None if timeout is None else time.monotonic() + timeout
    with _registered(context, make_handler(happened.set)):
        while True:
            happened.clear()
            if condition():
                return True
            if not happened.wait(None if deadline is None else max(0.0, deadline - time.monotonic())):
                return condition()


def _on_stdout(action: ExecuteLocal) -> MakeHandler:
    return lambda notify: OnProcessIO(target_action=action, on_stdout=lambda event: notify())


def _on_stderr(action: ExecuteLocal) -> MakeHandler:
    return lambda notify: OnProcessIO(target_action=action, on_stderr=lambda event: notify())


def _on_start(action: ExecuteLocal) -> MakeHandler:
    return lambda notify: OnProcessStart(target_action=action, on_start=lambda event, context: notify())


def _on_exit(action: ExecuteLocal) -> MakeHandler:
    return lambda notify: OnProcessExit(target_action=action, on_exit=lambda event, context: notify())


def _holds(validate: Validate, get_text: Callable[[], str]) -> Callable[[], bool]:
    return lambda: bool(validate(get_text()))


def _raises_nothing(validate: Validate, get_text: Callable[[], str]) -> Callable[[], bool]:

    def condition() -> bool:
        try:
            validate(get_text())
        except AssertionError:
            return False
        return True

    return condition


def _has_started(action: ExecuteLocal) -> Callable[[], bool]:
    return lambda: 'pid' in (action.process_details or ())


def _has_exited(action: ExecuteLocal) -> Callable[[], bool]:
    return lambda: action.return_code is not None


async def wait_for_output(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, validate_output: Validate,
    timeout: float | None = None,
) -> bool:
    """Wait until `validate_output(stdout so far)` is true; return whether it came true."""
    return await _wait(
        launch_context, _on_stdout(execute_process_action),
        _holds(validate_output, execute_process_action.get_stdout), timeout)


def wait_for_output_sync(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, validate_output: Validate,
    timeout: float | None = None,
) -> bool:
    """Wait until `validate_output(stdout so far)` is true; return whether it came true."""
    return _wait_sync(
        launch_context, _on_stdout(execute_process_action),
        _holds(validate_output, execute_process_action.get_stdout), timeout)


async def assert_output(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, validate_output: Validate,
    timeout: float | None = None,
) -> None:
    """Wait until `validate_output(stdout so far)` raises no AssertionError; raise its last one otherwise."""
    if not await _wait(
            launch_context, _on_stdout(execute_process_action),
            _raises_nothing(validate_output, execute_process_action.get_stdout), timeout):
        validate_output(execute_process_action.get_stdout())


def assert_output_sync(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, validate_output: Validate,
    timeout: float | None = None,
) -> None:
    """Wait until `validate_output(stdout so far)` raises no AssertionError; raise its last one otherwise."""
    if not _wait_sync(
            launch_context, _on_stdout(execute_process_action),
            _raises_nothing(validate_output, execute_process_action.get_stdout), timeout):
        validate_output(execute_process_action.get_stdout())


async def wait_for_stderr(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, validate_output: Validate,
    timeout: float | None = None,
) -> bool:
    """Wait until `validate_output(stderr so far)` is true; return whether it came true."""
    return await _wait(
        launch_context, _on_stderr(execute_process_action),
        _holds(validate_output, execute_process_action.get_stderr), timeout)


def wait_for_stderr_sync(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, validate_output: Validate,
    timeout: float | None = None,
) -> bool:
    """Wait until `validate_output(stderr so far)` is true; return whether it came true."""
    return _wait_sync(
        launch_context, _on_stderr(execute_process_action),
        _holds(validate_output, execute_process_action.get_stderr), timeout)


async def assert_stderr(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, validate_output: Validate,
    timeout: float | None = None,
) -> None:
    """Wait until `validate_output(stderr so far)` raises no AssertionError; raise its last one otherwise."""
    if not await _wait(
            launch_context, _on_stderr(execute_process_action),
            _raises_nothing(validate_output, execute_process_action.get_stderr), timeout):
        validate_output(execute_process_action.get_stderr())


def assert_stderr_sync(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, validate_output: Validate,
    timeout: float | None = None,
) -> None:
    """Wait until `validate_output(stderr so far)` raises no AssertionError; raise its last one otherwise."""
    if not _wait_sync(
            launch_context, _on_stderr(execute_process_action),
            _raises_nothing(validate_output, execute_process_action.get_stderr), timeout):
        validate_output(execute_process_action.get_stderr())


async def wait_for_start(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, timeout: float | None = None,
) -> bool:
    """Wait until the process has started; return whether it has."""
    return await _wait(
        launch_context, _on_start(execute_process_action), _has_started(execute_process_action), timeout)


def wait_for_start_sync(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, timeout: float | None = None,
) -> bool:
    """Wait until the process has started; return whether it has."""
    return _wait_sync(
        launch_context, _on_start(execute_process_action), _has_started(execute_process_action), timeout)


async def wait_for_exit(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, timeout: float | None = None,
) -> bool:
    """Wait until the process has ended; return whether it has."""
    return await _wait(
        launch_context, _on_exit(execute_process_action), _has_exited(execute_process_action), timeout)


def wait_for_exit_sync(
    launch_context: LaunchContext, execute_process_action: ExecuteLocal, timeout: float | None = None,
) -> bool:
    """Wait until the process has ended; return whether it has."""
    return _wait_sync(
        launch_context, _on_exit(execute_process_action), _has_exited(execute_process_action), timeout)
