"""Parameter services of another node, and parameter values from text and files."""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import Any

import yaml
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterDescriptor, ParameterValue, SetParametersResult
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter

from ros2cli.command import CommandError, nearest
from ros2cli.graph import NodeName, complete, wait_until

ANSWER_SECONDS = 5.0   # until a node's parameter services are there, and again until they answer


class ParameterClient:
    """The parameter services of one node; each call raises CommandError where it does not answer."""

    def __init__(self, node: Node, target: NodeName) -> None:
        self._node = node
        self._target = target.full

    def names(self, prefixes: list[str] | None = None) -> list[str]:
        """Names of the declared parameters, sorted."""
        request = ListParameters.Request(prefixes=prefixes or [])
        return sorted(self._call(ListParameters, 'list_parameters', request).result.names)

    def values(self, names: list[str]) -> list[ParameterValue]:
        """Values in the order of the names; shorter where one is not declared."""
        return list(self._call(GetParameters, 'get_parameters', GetParameters.Request(names=names)).values)

    def descriptors(self, names: list[str]) -> list[ParameterDescriptor]:
        """Descriptors in the order of the names."""
        request = DescribeParameters.Request(names=names)
        return list(self._call(DescribeParameters, 'describe_parameters', request).descriptors)

    def set(self, parameters: list[ParameterMsg]) -> list[SetParametersResult]:
        """One result a parameter, in their order."""
        return list(self._call(SetParameters, 'set_parameters', SetParameters.Request(parameters=parameters)).results)

    def require(self, name: str) -> None:
        """Raises CommandError where the parameter is not declared, naming the nearest one."""
        known = self.names()
        if name not in known:
            raise CommandError(f"Parameter not set: '{self._target}' has no parameter '{name}'{nearest(name, known)}")

    def _call(self, service: Any, name: str, request: Any) -> Any:
        client = self._node.create_client(service, f'{self._target}/{name}')
        try:
            if not wait_until(self._node, client.service_is_ready, ANSWER_SECONDS):
                raise CommandError(
                    f'Wait for service timed out waiting for parameter services for node {self._target}'
                )
            what = f"service of node '{self._target}' ({name})"
            return complete(self._node, client.call_async(request), ANSWER_SECONDS, what)
        finally:
            self._node.destroy_client(client)


def from_text(name: str, text: str) -> ParameterMsg:
    """A parameter from the command line: YAML where it is a scalar or a list of one type, else the text itself."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    try:
        return _message(name, text if value is None else value)
    except CommandError:
        return _message(name, text)


def from_file(path: Path, target: NodeName, use_wildcard: bool = True) -> list[ParameterMsg]:
    """A node's parameters from a ROS parameter file; sections named after it override those of '/**'.

    Raises:
        CommandError: no such file, not a parameter file, or nothing in it for this node.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise CommandError(f"Cannot read '{path}': {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"'{path}' is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise CommandError(f"'{path}' is not a ROS parameter file: it has no node names")
    keys = [*(['/**'] if use_wildcard else []), f'/**/{target.name}', target.full.lstrip('/'), target.full]
    values: dict[str, Any] = {}
    for key in keys:
        if key in content:
            section = content[key]
            if not isinstance(section, dict) or not isinstance(section.get('ros__parameters'), dict):
                raise CommandError(f"'{path}': '{key}' has no 'ros__parameters', so this is no ROS parameter file")
            values.update(_flat(section['ros__parameters']))
    if not values:
        raise CommandError(f"'{path}' has no parameters for '{target.full}', only for: {', '.join(map(str, content))}")
    return [_message(name, value) for name, value in values.items()]


def _flat(section: dict[str, Any], prefix: str = '') -> dict[str, Any]:
    """Nested sections as dotted names."""
    flat: dict[str, Any] = {}
    for key, value in section.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f'{prefix}{key}.'))
        else:
            flat[f'{prefix}{key}'] = value
    return flat


def _message(name: str, value: Any) -> ParameterMsg:
    """A parameter of the type of its value; None is the value 'not set'."""
    is_list = isinstance(value, list) and len(set(map(type, value))) <= 1
    if not is_list and not isinstance(value, (bool, int, float, str, NoneType)):
        raise CommandError(f"parameter '{name}': {value!r} is neither a scalar nor a list of one type")
    try:
        return Parameter(name, value=value).to_parameter_msg()
    except (TypeError, ValueError, AssertionError) as error:
        raise CommandError(f"parameter '{name}': {value!r} is no parameter value") from error
