"""Settings for all nodes that follow in the same scope."""

from __future__ import annotations

import os
from typing import Any

from launch.action import Action
from launch.condition import Condition
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.substitutions import SubstitutionFailure
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions

from ..utilities.namespaces import make_namespace_absolute, prefix_namespace, validate_namespace
from ..utilities.parameters import evaluate_parameter_dict, normalize_parameter_dict


def _append(context: LaunchContext, key: str, items: list[Any]) -> None:
    """Append to a list in the launch configurations without changing the list of an outer scope."""
    configurations: Any = context.launch_configurations
    configurations[key] = [*(configurations.get(key) or ()), *items]


class PushRosNamespace(Action):
    """Nodes that follow are within `namespace`, itself within what was pushed before unless absolute."""

    def __init__(self, namespace: SomeSubstitutionsType, *, condition: Condition | None = None) -> None:
        super().__init__(condition=condition)
        self._namespace = normalize_to_list_of_substitutions(namespace)

    @property
    def namespace(self) -> list[Substitution]:
        """The namespace."""
        return self._namespace

    def execute(self, context: LaunchContext) -> None:
        namespace = make_namespace_absolute(prefix_namespace(
            context.launch_configurations.get('ros_namespace'), perform_substitutions(context, self._namespace)))
        assert namespace is not None
        validate_namespace(namespace)
        context.launch_configurations['ros_namespace'] = namespace


PushROSNamespace = PushRosNamespace


class SetParameter(Action):
    """Nodes that follow get this parameter."""

    def __init__(self, name: SomeSubstitutionsType, value: Any, *, condition: Condition | None = None) -> None:
        super().__init__(condition=condition)
        self._parameters = normalize_parameter_dict({tuple(normalize_to_list_of_substitutions(name)): value})

    @property
    def name(self) -> Any:
        """The name, as substitutions."""
        return next(iter(self._parameters))

    @property
    def value(self) -> Any:
        """The value, normalized."""
        return next(iter(self._parameters.values()))

    def execute(self, context: LaunchContext) -> None:
        _append(context, 'global_params', list(evaluate_parameter_dict(context, self._parameters).items()))


class SetParametersFromFile(Action):
    """Nodes that follow get this parameter file."""

    def __init__(
        self, filename: SomeSubstitutionsType | os.PathLike[str], *, condition: Condition | None = None,
    ) -> None:
        super().__init__(condition=condition)
        self._filename = normalize_to_list_of_substitutions(
            os.fspath(filename) if isinstance(filename, os.PathLike) else filename)

    def execute(self, context: LaunchContext) -> None:
        path = perform_substitutions(context, self._filename)
        if not os.path.isfile(path):
            raise SubstitutionFailure(f"parameter file '{path}' was not found")
        _append(context, 'global_params', [path])


class SetRemap(Action):
    """Nodes that follow get this remapping."""

    def __init__(
        self, src: SomeSubstitutionsType, dst: SomeSubstitutionsType, *, condition: Condition | None = None,
    ) -> None:
        super().__init__(condition=condition)
        self._src = normalize_to_list_of_substitutions(src)
        self._dst = normalize_to_list_of_substitutions(dst)

    @property
    def src(self) -> list[Substitution]:
        """The name to be replaced."""
        return self._src

    @property
    def dst(self) -> list[Substitution]:
        """What replaces it."""
        return self._dst

    def execute(self, context: LaunchContext) -> None:
        pair = (perform_substitutions(context, self._src), perform_substitutions(context, self._dst))
        _append(context, 'ros_remaps', [pair])
