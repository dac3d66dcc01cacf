"""Which tests are launch tests, and in which order they run."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from .fixture import LaunchFixtureOptions, options_of

STAGE_BEFORE = pytest.StashKey['pytest.Function']()
"""On the item of the part of a generator test after shutdown: the item of the part before."""


class LaunchTestWarning(pytest.PytestWarning):
    """A launch test that cannot be run."""


def options_of_mark(mark: pytest.Mark | None) -> LaunchFixtureOptions | None:
    """Return the options of the fixture that a launch mark names."""
    return None if mark is None else options_of(mark.kwargs.get('fixture'))


def options_of_item(item: pytest.Item) -> LaunchFixtureOptions | None:
    """Return the options of the launch fixture of a test, None if it is no launch test."""
    return options_of_mark(item.get_closest_marker('launch'))


def is_two_stage(function: Callable[..., Any]) -> bool:
    """Return whether the test is a generator, whose second part runs after shutdown."""
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def runs_after_shutdown(item: pytest.Item) -> bool:
    """Return whether the launch is shut down before the test."""
    mark = item.get_closest_marker('launch')
    return STAGE_BEFORE in item.stash or (mark is not None and bool(mark.kwargs.get('shutdown', False)))


def _find_mark(collector: Any, function: Any) -> pytest.Mark | None:
    for mark in reversed(getattr(function, 'pytestmark', [])):
        if mark.name == 'launch':
            return mark
    closest: pytest.Mark | None = collector.get_closest_marker('launch')
    return closest


def make_items(collector: Any, name: str, function: Any) -> list[pytest.Item] | None:
    """Return the items of a launch test, None if it is not one."""
    if not collector.funcnamefilter(name) or not inspect.isfunction(function):
        return None
    mark = _find_mark(collector, function)
    if mark is None:
        return None
    options = options_of_mark(mark)
    if options is None:
        item = pytest.Function.from_parent(collector, name=name)
        message = 'pytest.mark.launch: the "fixture" keyword argument is required (a launch_pytest.fixture)'
        item.warn(LaunchTestWarning(message))
        item.add_marker(pytest.mark.skip(message))
        return [item]
    pytest.mark.usefixtures(options.name, 'launch_service', 'event_loop')(function)
    items = list(collector._genfunctions(name, function))
    if is_two_stage(function) and options.scope != 'function':
        second = list(collector._genfunctions(name, function))
        for first_item, second_item in zip(items, second):
            second_item.name = f'{second_item.name}[shutdown_test]'
            second_item._nodeid = f'{second_item._nodeid}[shutdown_test]'
            second_item.stash[STAGE_BEFORE] = first_item
        items.extend(second)
    return items


def _run_of(item: pytest.Item) -> tuple[Any, ...] | None:
    """Return what is equal for all tests that share one run of a launch, None for tests with their own."""
    options = options_of_item(item)
    if options is None or options.scope == 'function':
        return None
    place = {'class': getattr(item, 'cls', None), 'module': getattr(item, 'module', None)}.get(options.scope)
    callspec = getattr(item, 'callspec', None)
    parameter = None if callspec is None else callspec.indices.get(options.name)
    return options, place, parameter


def order_items(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the items with tests after shutdown moved behind all other tests of the same run."""
    last: dict[Any, int] = {}
    for index, item in enumerate(items):
        run = _run_of(item)
        if run is not None and not runs_after_shutdown(item):
            last[run] = index
    ordered: list[pytest.Item] = []
    held: dict[Any, list[pytest.Item]] = {}
    for index, item in enumerate(items):
        run = _run_of(item)
        if run is not None and runs_after_shutdown(item) and last.get(run, -1) > index:
            held.setdefault(run, []).append(item)
            continue
        ordered.append(item)
        if run is not None and last.get(run) == index:
            ordered.extend(held.pop(run, []))
    return ordered
