"""Parameters that a node was given but does not have: a misspelt name is an error, not silence."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rclpy.node import Node

from dreamer_learning.config import ConfigError, load_yaml, nearest


def check_parameters(node: Node, arguments: Sequence[str]) -> None:
    """Refuse parameters that `arguments` give to a node and that it has not declared.

    A block of a parameter file that is for every node (`/**`) may hold parameters of others: those are logged. But what
    belongs to a group that the node declares, such as `variation.`, is meant for it.

    Raises:
        ConfigError: names the file, the parameter and the nearest one.
    """
    declared = node.get_parameters_by_prefix('')
    # rclpy has no public list of what was given to a node but not declared by it.
    unknown = [name for name in node._parameter_overrides if name not in declared and not name.startswith('qos_overrides.')]
    if not unknown:
        return
    groups = {name.partition('.')[0] for name in declared if '.' in name}
    places = list(_places(arguments))
    foreign = []
    for name in unknown:
        found = [(file, block) for file, block, parameter in places if parameter == name]
        if any(block.endswith('*') for _, block in found) and name.partition('.')[0] not in groups:
            foreign.append(name)
            continue
        source = f'{found[-1][0]}: ' if found else ''
        raise ConfigError(f"{source}unknown parameter '{name}'; {nearest(name, declared)}")
    if foreign:
        node.get_logger().info(f'parameters for every node that this one does not have: {", ".join(foreign)}')


def _places(arguments: Sequence[str]) -> Iterator[tuple[Path, str, str]]:
    """Each parameter in parameter files: file, pattern of node names, name."""
    for option, path in itertools.pairwise(arguments):
        if option == '--params-file':
            for block, values in _blocks(load_yaml(Path(path))):
                for name in _names(values):
                    yield Path(path), block, name


def _blocks(content: Mapping[str, Any], name: str = '') -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, value in content.items():
        if not isinstance(value, Mapping):
            continue
        if key == 'ros__parameters':
            yield name, value
        else:
            yield from _blocks(value, f'{name}/{key}')


def _names(values: Mapping[str, Any], prefix: str = '') -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _names(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}'
