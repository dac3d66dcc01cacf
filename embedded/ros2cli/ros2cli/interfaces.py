"""Which messages, services and actions are installed, and their Python classes.

Source: the ament index resource `rosidl_interfaces`, one file a package that lists its interface files.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from pathlib import Path
from typing import Any

from ament_index_python import get_resource, get_resources

from ros2cli.command import CommandError, nearest

KINDS = {'msg': 'message', 'srv': 'service', 'action': 'action'}


@cache
def packages() -> tuple[str, ...]:
    """Names of all packages with interfaces, sorted."""
    return tuple(sorted(get_resources('rosidl_interfaces')))


@cache
def interfaces_of(package: str) -> tuple[str, ...]:
    """A package's interfaces as 'msg/Name', sorted.

    Raises:
        CommandError: no such package with interfaces.
    """
    if package not in packages():
        raise CommandError(f"Unknown package '{package}'{nearest(package, packages())}")
    content, _prefix = get_resource('rosidl_interfaces', package)
    files = (Path(line) for line in content.splitlines())
    return tuple(sorted({
        f'{file.parent}/{file.stem}' for file in files
        if str(file.parent) in KINDS and file.suffix in ('.idl', f'.{file.parent}')
    }))


def all_of_kind(kind: str) -> list[str]:
    """Full names 'package/kind/Name' of every interface of a kind ('msg', 'srv', 'action'), sorted."""
    return [
        f'{package}/{name}' for package in packages() for name in interfaces_of(package) if name.startswith(kind + '/')
    ]


def full_name(name: str, kind: str) -> str:
    """'std_msgs/String' or 'std_msgs/msg/String' as the latter.

    Raises:
        CommandError: not of that form, or not installed; names the nearest one that is.
    """
    what = KINDS[kind]
    parts = name.split('/')
    if len(parts) == 2:
        parts.insert(1, kind)
    if len(parts) != 3 or not all(parts):
        raise CommandError(f"The passed {what} type is invalid: '{name}', expected 'package/{kind}/Name'")
    if parts[1] != kind:
        raise CommandError(f"The passed {what} type is invalid: '{name}' is not of the kind '{kind}'")
    full = '/'.join(parts)
    if parts[0] not in packages() or f'{kind}/{parts[2]}' not in interfaces_of(parts[0]):
        raise CommandError(f"The passed {what} type is invalid: '{name}' is not installed{nearest(full, all_of_kind(kind))}")
    return full


def sought_type(name: str, kind: str) -> str:
    """The full name of a type to look for in the graph; one that is not installed here may be there, so a hint is all."""
    try:
        return full_name(name, kind)
    except CommandError as error:
        print(error, file=sys.stderr)
        return name


def load(name: str, kind: str) -> Any:
    """The Python class of an interface.

    Raises:
        CommandError: unknown, or its Python package does not load (not sourced, or of another Python).
    """
    package, _kind, short = full_name(name, kind).split('/')
    try:
        return getattr(importlib.import_module(f'{package}.{kind}'), short)
    except (ImportError, AttributeError) as error:
        raise CommandError(f"The {KINDS[kind]} type '{name}' is installed but does not load: {error}") from error


def definition_file(name: str) -> Path:
    """The .msg, .srv or .action file of 'package/kind/Name'.

    Raises:
        CommandError: unknown, or installed without its definition.
    """
    package, kind, short = name.split('/')
    _content, prefix = get_resource('rosidl_interfaces', package)
    path = Path(prefix, 'share', package, kind, f'{short}.{kind}')
    if not path.is_file():
        raise CommandError(f"Could not find the interface '{name}': {path} is missing")
    return path
