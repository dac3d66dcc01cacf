"""Substitutions: values, defaults and errors."""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from launch import LaunchContext
from launch.errors import exception_text
from launch.frontend import parse_substitution
from launch.substitutions import (
    AllSubstitution,
    AndSubstitution,
    AnonName,
    AnySubstitution,
    Command,
    EnvironmentVariable,
    EqualsSubstitution,
    FindExecutable,
    IfElseSubstitution,
    LaunchConfiguration,
    LaunchLogDir,
    LocalSubstitution,
    NotEqualsSubstitution,
    NotSubstitution,
    OrSubstitution,
    PathJoinSubstitution,
    PythonExpression,
    SubstitutionFailure,
    TextSubstitution,
)
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions
from launch.utilities.typed import coerce

PYTHON = shlex.quote(sys.executable)


@pytest.fixture
def context() -> Any:
    context = LaunchContext()
    context.launch_configurations.update(sim='true', robot='a1', rate='20')
    return context


@pytest.mark.parametrize(('substitution', 'value'), [
    (TextSubstitution(text='x'), 'x'),
    (LaunchConfiguration('robot'), 'a1'),
    (LaunchConfiguration('none', default=['d', LaunchConfiguration('rate')]), 'd20'),
    (LaunchConfiguration('none', default=5), '5'),
    (LaunchConfiguration(['ro', 'bot']), 'a1'),
    (PathJoinSubstitution(['/p', [LaunchConfiguration('robot'), '.urdf']]), '/p/a1.urdf'),
    (PathJoinSubstitution(LaunchConfiguration('robot')), 'a1'),
    (PathJoinSubstitution('/p'), '/p'),
    (PythonExpression([LaunchConfiguration('rate'), ' * 2']), '40'),
    (PythonExpression('len(sys.argv) > 0', 'sys'), 'True'),
    (PythonExpression(["'", LaunchConfiguration('robot'), "' in ('a1', 'go2') and sqrt(4) == math.sqrt(4)"]), 'True'),
    (PythonExpression('os.path.basename("/a/b")', ['os.path']), 'b'),
    (NotSubstitution('true'), 'false'),
    (AndSubstitution(LaunchConfiguration('sim'), '1'), 'true'),
    (AndSubstitution('true', 'False'), 'false'),
    (OrSubstitution('0', LaunchConfiguration('sim')), 'true'),
    (AnySubstitution('off', 'no', '0', 'on'), 'true'),
    (AllSubstitution('true', '1', '0'), 'false'),
    (EqualsSubstitution(LaunchConfiguration('robot'), 'a1'), 'true'),
    (EqualsSubstitution('True', True), 'true'),
    (EqualsSubstitution('1.0', 1), 'true'),
    (EqualsSubstitution('', None), 'true'),
    (NotEqualsSubstitution('a', 'b'), 'true'),
    (IfElseSubstitution(LaunchConfiguration('sim'), 'yes', LaunchConfiguration('missing')), 'yes'),
    (IfElseSubstitution('false', if_value='yes'), ''),
    (EnvironmentVariable('LAUNCH_TEST_UNSET', default_value='none'), 'none'),
    (Command([PYTHON, ' -S -c "print(1 + 1)"']), '2\n'),
    (Command([PYTHON, ' -S -c "import sys; print(1, file=sys.stderr)"'], on_stderr='capture'), '1\n'),
    (FindExecutable(name='sh'), None),
])
def test_values(context: Any, substitution: Any, value: Any) -> None:
    result = substitution.perform(context)
    assert isinstance(substitution.describe(), str)
    if value is None:
        assert os.path.isabs(result)
        assert os.access(result, os.X_OK)
    else:
        assert result == value


@pytest.mark.parametrize(('substitution', 'message'), [
    (LaunchConfiguration('robto'), "did you mean 'robot'"),
    (EnvironmentVariable('LAUNCH_TEST_UNSET'), 'LAUNCH_TEST_UNSET'),
    (FindExecutable(name='no_such_executable'), 'no_such_executable'),
    (AndSubstitution('perhaps', 'true'), "'perhaps'"),
    (AnySubstitution('true', 'perhaps'), "'perhaps'"),
    (AllSubstitution('false', 'perhaps'), "'perhaps'"),
    (Command('no_such_command'), 'no_such_command'),
    (Command([PYTHON, ' -S -c "raise SystemExit(3)"']), 'command failed.*exit code 3'),
    (Command([PYTHON, ' -S -c "import sys; print(7, file=sys.stderr)"']), 'showed stderr output.*: 7$'),
    (Command('true', on_stderr='explode'), 'explode'),
    (LocalSubstitution('event.nothing'), 'event.nothing'),
])
def test_failures_name_what_is_wrong(context: Any, substitution: Any, message: Any) -> None:
    with pytest.raises(SubstitutionFailure, match=message):
        substitution.perform(context)


def test_python_expression_raises_what_went_wrong_and_names_the_expression(context: Any) -> None:
    for text, error in (('1 +', SyntaxError), ('robot', NameError), ('1 / 0', ZeroDivisionError)):
        with pytest.raises(error) as caught:
            PythonExpression(text).perform(context)
        assert exception_text(caught.value).endswith(f"in the Python expression '{text}'")


def test_if_else_needs_a_value() -> None:
    with pytest.raises(RuntimeError):
        IfElseSubstitution('true')


def test_anonymous_names_are_stable_and_differ(context: Any) -> None:
    assert AnonName('x').perform(context) == AnonName('x').perform(context)
    assert AnonName('x').perform(context) != AnonName('x').perform(LaunchContext())


def test_anonymous_names_are_names_of_nodes(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('socket.gethostname', lambda: 'my-host.local')
    name = AnonName('my-node:1').perform(context)
    assert name.startswith(f'my_node_1_my_host_local_{os.getpid()}_')
    assert name.isidentifier()


def test_locals(context: Any) -> None:
    context.extend_locals({'value': {'key': 7}})
    assert LocalSubstitution("value['key']").perform(context) == '7'


def test_log_dir_is_where_the_log_goes(context: Any, log_folder: Path) -> None:
    assert LaunchLogDir().perform(context).startswith(str(log_folder))


def test_normalization_accepts_text_substitutions_and_nested_lists(context: Any) -> None:
    nested: Any = ['a', LaunchConfiguration('robot'), ['b', TextSubstitution(text='c')]]
    subs = normalize_to_list_of_substitutions(nested)
    assert perform_substitutions(context, subs) == 'aa1bc'
    wrong: Any
    for wrong in (3, None, {'a': 'b'}, b'x', ['a', 3]):
        with pytest.raises(TypeError):
            normalize_to_list_of_substitutions(wrong)


@pytest.mark.parametrize(('text', 'data_type', 'value'), [
    ('true', None, True), ('1', None, 1), ('1.5', None, 1.5), ('a1', None, 'a1'), ('', None, ''),
    ('[1, 2]', None, [1, 2]), ('1', float, 1.0), ('1', str, '1'), ('[1, 2.5]', list[float], [1.0, 2.5]),
    ('[a, b]', list[str], ['a', 'b']), ("'1'", None, '1'), ('1e-3', float, 0.001), ('inf', float, float('inf')),
    ('1', bool, True), ('0', bool, False), ('yes', bool, True), ('12', int, 12), ('1e-3', None, '1e-3'),
])
def test_typed_values_follow_yaml(text: Any, data_type: Any, value: Any) -> None:
    result = coerce(text, data_type)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(('text', 'data_type'), [
    ('1.5', int), ('yes please', bool), ('2', bool), ('fast', float), ('[true]', list[float]), ('[1, a]', list[int]),
    ('1', list[int]), ('{a: 1}', None), ('[1, a]', None),
    ('[', None)])
def test_values_of_another_type_are_refused(text: Any, data_type: Any) -> None:
    with pytest.raises(ValueError):
        coerce(text, data_type)


@pytest.mark.parametrize(('text', 'value'), [
    ('', ''), ('a $ b $5', 'a $ b $5'), ('x_$(var robot)/$(var rate)', 'x_a1/20'), (r'\$(var robot) \\', '$(var robot) \\'),
    ('$(var none d)$(var none "a b")$(var none \'\')', 'da b'), ('$(var $(var robot_key))', 'a1'),
    ('"$(var robot)"', '"a1"'), ('$(eval \'1 + 2\')', '3'), ('$(eval "len(\'$(var robot)\')")', '2'),
    ('$(eval os.sep os)', '/'), ('$(if $(equals $(var rate) 20.0) yes no)', 'yes'), ('$(env LAUNCH_TEST_UNSET none)', 'none'),
    ('$(any off $(not true) on)', 'true'), ('line\n$(var robot)\n', 'line\na1\n'),
])
def test_substitutions_in_text(context: Any, text: str, value: str) -> None:
    context.launch_configurations['robot_key'] = 'robot'
    assert perform_substitutions(context, parse_substitution(text)) == value


@pytest.mark.parametrize(('text', 'message'), [
    ('a\n$(var robot', r'line 2: expected \) before'), ('$()', r'expected a name after \$\('),
    ('$(vra robot)', 'not one of.* var'),
    ('$(var)', 'takes 1 to 2 arguments .variable_name, default., not 0'), ('$(var  robot)', 'expected an argument'),
    ('$(var "robot)', 'expected " before'),
])
def test_text_that_is_no_substitution_is_refused(text: str, message: str) -> None:
    with pytest.raises(SubstitutionFailure, match=message):
        parse_substitution(text)
