"""Parameters that a node was given but does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from dreamer_learning.config import ConfigError
from dreamer_node.parameters import check_parameters

Check = Callable[..., None]


@pytest.fixture
def check() -> Iterator[Check]:
    """Checks a node `learner` with the parameters train_ratio and variation.friction, started with these ROS arguments."""
    context = Context()
    nodes = []

    def run(*arguments: str) -> None:
        command = ['learner', '--ros-args', *arguments]
        rclpy.init(args=command, context=context)
        nodes.append(Node('learner', context=context))
        nodes[0].declare_parameter('train_ratio', 0.0)
        nodes[0].declare_parameter('variation.friction', 0.0)
        check_parameters(nodes[0], command)

    yield run
    nodes[0].destroy_node()
    context.try_shutdown()


@pytest.mark.parametrize('argument', ['trian_ratio:=4.0', 'learner:trian_ratio:=4.0'])
def test_a_misspelt_name_is_refused_with_the_nearest(check: Check, argument: str) -> None:
    with pytest.raises(ConfigError, match="^unknown parameter 'trian_ratio'; did you mean 'train_ratio'\\?"):
        check('-p', argument)


@pytest.mark.parametrize('argument', [
    'train_ratio:=4.0', 'use_sim_time:=false', 'start_type_description_service:=false', 'actor:prefill:=4',
    'qos_overrides./clock.subscription.depth:=1'])
def test_what_the_node_or_rclpy_has_and_what_is_for_other_nodes_is_accepted(check: Check, argument: str) -> None:
    check('-p', argument)


@pytest.mark.parametrize(('block', 'name'), [
    ('learner', 'trian_ratio'), ('/learner', 'trian_ratio'), ('/**/learner', 'trian_ratio'),
    ('/**', 'variation.frictoin'), ('/*', 'variation.frictoin')])
def test_a_file_is_named(check: Check, tmp_path: Path, block: str, name: str) -> None:
    file = tmp_path / 'given.yaml'
    group, _, last = name.rpartition('.')
    file.write_text(f'{block}:\n  ros__parameters: {{{f"{group}: {{{last}: 1.0}}" if group else f"{last}: 1.0"}}}\n')
    with pytest.raises(ConfigError, match=f"^{file}: unknown parameter '{name}'; did you mean "):
        check('--params-file', str(file))


@pytest.mark.parametrize(('block', 'logged'), [('/**', True), ('/*', True), ('actor', False), ('/robots/learner', False)])
def test_a_file_may_hold_parameters_of_other_nodes(
        check: Check, tmp_path: Path, capfd: pytest.CaptureFixture[str], block: str, logged: bool) -> None:
    file = tmp_path / 'shared.yaml'
    file.write_text(f'{block}:\n  ros__parameters: {{train_ratio: 1.0, prefill: 4}}\n')
    check('--params-file', str(file))
    assert ('does not have: prefill\n' in capfd.readouterr().err) == logged
