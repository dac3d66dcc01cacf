"""The decorator for launch fixtures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from .service import FIXTURES

_SCOPES = ('function', 'class', 'module', 'package', 'session')
_SCOPE_MARK = '_launch_pytest_scope'


@dataclass(frozen=True)
class LaunchFixtureOptions:
    """Options of a launch fixture; `name` and `scope` as in pytest."""

    name: str
    scope: str
    shutdown_when_idle: bool
    auto_shutdown: bool


def _provide_fixtures(module_globals: dict[str, Any], scope: str) -> None:
    """Give the module fixtures of a scope as wide as that of the launch fixture, unless it has its own."""
    for name, make in FIXTURES.items():
        existing = module_globals.get(name)
        existing_scope = getattr(existing, _SCOPE_MARK, None)
        if existing is None or (
                existing_scope is not None and _SCOPES.index(existing_scope) < _SCOPES.index(scope)):
            module_globals[name] = make(scope)
            setattr(module_globals[name], _SCOPE_MARK, scope)


def fixture(
    decorated: Callable[..., Any] | None = None, *args: Any, shutdown_when_idle: bool = True,
    auto_shutdown: bool = True, **kwargs: Any,
) -> Any:
    """
    Make a fixture whose launch description (or the first of a sequence) runs while the tests do.

    `shutdown_when_idle`: the launch ends when all processes have. `auto_shutdown`: it is ended after the tests;
    if false, it must end by itself. Further arguments: those of pytest.fixture (scope, params, ...).
    """
    scope = kwargs.get('scope', 'function')
    if scope not in _SCOPES:
        raise ValueError(f'launch_pytest.fixture: scope must be one of {_SCOPES}, got {scope!r}')
    if scope != 'function':
        _provide_fixtures(sys._getframe(1).f_globals, scope)

    def decorate(function: Callable[..., Any]) -> Any:
        options = LaunchFixtureOptions(
            kwargs.get('name') or function.__name__, scope, shutdown_when_idle, auto_shutdown)
        function._launch_pytest_options = options  # type: ignore[attr-defined]
        made = pytest.fixture(*args, **kwargs)(function)
        made._launch_pytest_options = options
        return made

    return decorate if decorated is None else decorate(decorated)


def options_of(function: Any) -> LaunchFixtureOptions | None:
    """Return the options of a launch fixture, None for anything else."""
    options = getattr(function, '_launch_pytest_options', None)
    return options if isinstance(options, LaunchFixtureOptions) else None
