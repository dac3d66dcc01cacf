"""The pytest plugin."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from typing import Any

import launch
import pytest

from .collection import make_items, options_of_item, order_items
from .execution import wrap_test
from .fixture import options_of
from .service import event_loop_fixture, finish, launch_context_fixture, launch_service_fixture, start

event_loop = event_loop_fixture('function')
launch_service = launch_service_fixture('function')
launch_context = launch_context_fixture('function')


def pytest_configure(config: pytest.Config) -> None:
    """Describe the mark."""
    config.addinivalue_line(
        'markers',
        'launch(fixture, shutdown=False): run the test beside the launch description of a launch_pytest.fixture; '
        'with shutdown=True after its shutdown.')


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> list[pytest.Item] | None:
    """Collect launch tests, also coroutines and generators."""
    return make_items(collector, name, obj)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move tests after shutdown behind the others."""
    items[:] = order_items(items)


def _launch_description(value: Any, what: str) -> launch.LaunchDescription:
    first = value[0] if isinstance(value, Sequence) and len(value) > 0 else value
    if not isinstance(first, launch.LaunchDescription):
        pytest.fail(
            f'{what} must be either a launch description, or a sequence that begins with one, got {value!r}',
            pytrace=False)
    return first


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef: Any, request: pytest.FixtureRequest) -> Generator[None, Any, Any]:
    """Start the launch of a launch fixture."""
    options = options_of(fixturedef.func)
    if options is None:
        return (yield)
    loop: asyncio.AbstractEventLoop = request.getfixturevalue('event_loop')
    service: launch.LaunchService = request.getfixturevalue('launch_service')
    value = yield
    what = f"launch fixture '{options.name}'"
    description = _launch_description(value, what)

    def end() -> None:
        finish(service, loop, what, shutdown=options.auto_shutdown)

    fixturedef.addfinalizer(end)
    start(service, loop, description, what, shutdown_when_idle=options.shutdown_when_idle)
    return value


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Run launch tests beside their launch service."""
    if options_of_item(pyfuncitem) is None:
        return (yield)
    original = pyfuncitem.obj
    wrap_test(pyfuncitem)
    try:
        return (yield)
    finally:
        pyfuncitem.obj = original
