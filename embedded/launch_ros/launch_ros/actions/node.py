"""Execution of a ROS node."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from typing import Any

import yaml
from launch.actions import ExecuteProcess
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.logging import get_logger
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions

from ..parameter_descriptions import Parameter, ParameterFile
from ..parameters_type import SomeParameters
from ..remap_rule_type import SomeRemapRules
from ..substitutions import ExecutableInPackage
from ..utilities.namespaces import make_namespace_absolute, prefix_namespace, validate_namespace, validate_node_name
from ..utilities.parameters import evaluate_parameter_dict, normalize_parameters, parameter_text


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _normalize_remapping(rule: Any) -> tuple[list[Substitution], list[Substitution]]:
    if not isinstance(rule, (tuple, list)) or len(rule) != 2:
        raise TypeError(f'Node: remappings must be a list of (from, to) pairs, got {rule!r} in it')
    source, target = rule
    return normalize_to_list_of_substitutions(source), normalize_to_list_of_substitutions(target)


class Node(ExecuteProcess):
    """
    Starts the node `executable` of `package` (without `package`: the path of an executable).

    `name`, `namespace`: of the node; a relative namespace is within that of PushRosNamespace.
    `exec_name`: name of the process in the log. `parameters`: list of dictionaries, parameter files and
    Parameter objects; a dictionary goes to a temporary parameter file, which is removed at the end of the launch.
    `remappings`: (from, to) pairs. `arguments`: of the executable. `ros_arguments`: after --ros-args.
    Further arguments: see ExecuteProcess.
    """

    UNSPECIFIED_NODE_NAME = '<node_name_unspecified>'
    UNSPECIFIED_NODE_NAMESPACE = '<node_namespace_unspecified>'

    def __init__(
        self, *, executable: SomeSubstitutionsType, package: SomeSubstitutionsType | None = None,
        name: SomeSubstitutionsType | None = None, namespace: SomeSubstitutionsType | None = None,
        exec_name: SomeSubstitutionsType | None = None, parameters: SomeParameters | None = None,
        remappings: SomeRemapRules | None = None, ros_arguments: Iterable[SomeSubstitutionsType] | None = None,
        arguments: Iterable[SomeSubstitutionsType] | None = None, **kwargs: Any,
    ) -> None:
        command: list[SomeSubstitutionsType] = [
            executable if package is None else ExecutableInPackage(executable=executable, package=package)]
        for words, what in ((arguments, 'arguments'), (ros_arguments, 'ros_arguments')):
            if isinstance(words, str):
                raise TypeError(f"Node: {what} must be a list of words, got the text '{words}'")
        command += list(arguments or ())
        if ros_arguments is not None:
            command += ['--ros-args', *ros_arguments]
        super().__init__(cmd=[*command, '--ros-args'], name=exec_name, **kwargs)
        self._package = package
        self._node_executable = executable
        self._given_name = name
        self._given_namespace = namespace
        self._parameters = normalize_parameters(parameters)
        self._remappings = [_normalize_remapping(rule) for rule in remappings or ()]
        self._node_name = self.UNSPECIFIED_NODE_NAME
        self._node_namespace = self.UNSPECIFIED_NODE_NAMESPACE
        self._names_are_known = False
        self._expanded_remappings: list[tuple[str, str]] | None = None

    @property
    def node_package(self) -> SomeSubstitutionsType | None:
        """The package, or None."""
        return self._package

    @property
    def node_executable(self) -> SomeSubstitutionsType:
        """The executable."""
        return self._node_executable

    @property
    def node_name(self) -> str:
        """The fully qualified name; RuntimeError before the action is executed."""
        if not self._names_are_known:
            raise RuntimeError("cannot access 'node_name' before executing action")
        return str(prefix_namespace(self._node_namespace, self._node_name))

    @property
    def expanded_node_namespace(self) -> str:
        """The absolute namespace, or UNSPECIFIED_NODE_NAMESPACE; known when the action is executed."""
        return self._node_namespace

    @property
    def expanded_remapping_rules(self) -> list[tuple[str, str]] | None:
        """The (from, to) pairs of the node and of its scope, None where there are none; known when the action is executed."""
        return self._expanded_remappings

    def is_node_name_fully_specified(self) -> bool:
        """Return whether name and namespace are both known to launch."""
        return not any(
            part in self.node_name for part in (self.UNSPECIFIED_NODE_NAME, self.UNSPECIFIED_NODE_NAMESPACE))

    def _find_names(self, context: LaunchContext) -> None:
        """Perform the substitutions of name and namespace."""
        if self._given_name is not None:
            self._node_name = perform_substitutions(context, normalize_to_list_of_substitutions(self._given_name))
            validate_node_name(self._node_name)
        namespace = None
        if self._given_namespace is not None:
            namespace = perform_substitutions(context, normalize_to_list_of_substitutions(self._given_namespace))
        full = make_namespace_absolute(
            prefix_namespace(context.launch_configurations.get('ros_namespace'), namespace))
        if full is not None:
            validate_namespace(full)
            self._node_namespace = full
        self._names_are_known = True

    def _write_parameters(self, context: LaunchContext, parameters: dict[str, Any]) -> str:
        """Write a parameter file for this node and return its path."""
        key = self.node_name if self.is_node_name_fully_specified() else '/**'
        with tempfile.NamedTemporaryFile('w', prefix='launch_params_', suffix='.yaml', delete=False) as file:
            yaml.safe_dump({key: {'ros__parameters': parameters}}, file, default_flow_style=False)
        context.add_cleanup(lambda: _remove(file.name))
        return file.name

    def _parameter_arguments(self, context: LaunchContext) -> list[str]:
        arguments: list[str] = []
        for item in context.launch_configurations.get('global_params') or ():
            if isinstance(item, tuple):
                # As in stock launch_ros a text stands there without quotes: the node reads '1.0' as a number.
                value = item[1] if isinstance(item[1], str) else parameter_text(item[1])
                arguments += ['-p', f'{item[0]}:={value}']
            else:
                arguments += ['--params-file', os.path.abspath(item)]
        for entry in self._parameters:
            if isinstance(entry, ParameterFile):
                path = str(entry.evaluate(context))
                context.add_cleanup(entry.cleanup)
                if os.path.isfile(path):
                    arguments += ['--params-file', os.path.abspath(path)]
                else:
                    get_logger('launch_ros.actions.node').warning(f'Parameter file path is not a file: {path}')
            elif isinstance(entry, Parameter):
                name, value = entry.evaluate(context)
                arguments += ['-p', f'{name}:={parameter_text(value)}']
            elif entry:
                values = evaluate_parameter_dict(context, entry)
                arguments += ['--params-file', self._write_parameters(context, values)]
        return arguments

    def _ros_arguments(self, context: LaunchContext) -> list[str]:
        """Return the words that follow --ros-args."""
        arguments: list[str] = []
        if self._given_name is not None:
            arguments += ['-r', f'__node:={self._node_name}']
        if self._node_namespace != self.UNSPECIFIED_NODE_NAMESPACE:
            arguments += ['-r', f'__ns:={self._node_namespace}']
        arguments += self._parameter_arguments(context)
        configurations: dict[str, Any] = context.launch_configurations
        rules = list(configurations.get('ros_remaps') or ())
        rules += [(perform_substitutions(context, source), perform_substitutions(context, target))
                  for source, target in self._remappings]
        self._expanded_remappings = rules or None
        for source, target in rules:
            arguments += ['-r', f'{source}:={target}']
        return arguments

    def prepare(self, context: LaunchContext) -> None:
        self._find_names(context)
        for word in self._ros_arguments(context):
            self.process_description.cmd.append(normalize_to_list_of_substitutions(word))
        super().prepare(context)

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        result = super().execute(context)
        if self.is_node_name_fully_specified():
            names = context.get_locals_as_dict().get('node_names') or []
            if self.node_name in names:
                get_logger(str(self.name)).warning(f"there is more than one node '{self.node_name}' in this launch")
            context.extend_globals({'node_names': [*names, self.node_name]})
        return result
