"""Values of parameters: ParameterValue, Parameter and lists in dictionaries."""

# ruff: noqa: UP006, UP035  (launch files write List)

from typing import Any, List

import pytest
from launch import LaunchContext
from launch.substitutions import LaunchConfiguration, SubstitutionFailure
from launch_ros.descriptions import Parameter
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.utilities.parameters import evaluate_parameter_dict, normalize_parameter_dict

NAME, ONE, REAL, TRUE, LIST = (LaunchConfiguration(name) for name in ('name', 'one', 'real', 'true', 'list'))


@pytest.fixture
def context() -> LaunchContext:
    context = LaunchContext()
    context.launch_configurations.update(name='go', one='1', real='2.5', true='true', list='[1, 2]')
    return context


@pytest.mark.parametrize(('value', 'value_type', 'expected'), [
    ('123', None, '123'), ('on', None, 'on'), ('[1, 2]', None, '[1, 2]'), ('1.0', str, '1.0'), ('', None, ''),
    (1, None, 1), (1, float, 1.0), (True, bool, True),
    (ONE, None, 1), (ONE, str, '1'), (ONE, float, 1.0), (LIST, None, [1, 2]), (LIST, str, '[1, 2]'),
    (['a', ONE], None, 'a1'), (('1', ONE), None, 11), ([ONE, ONE], int, 11),
    (['a', '1'], None, ['a', '1']), ((1, 2), None, [1, 2]), ([1, 2], List[int], [1, 2]), ([], None, []),
    ([[NAME], [NAME]], List[str], ['go', 'go']), ([[ONE], '_v'], List[str], ['1', '_v']), ([[NAME, '_v']], None, ['go_v']),
    ([1, ONE], List[int], [1, 1]), ([True, TRUE], None, [True, True]), ([True, ONE], list[bool], [True, True]),
    ([1, 2.5], None, [1.0, 2.5]), ([1, 2.5], List[float], [1.0, 2.5]), ([1, 2], List[float], [1.0, 2.0]),
    ([1, ONE], List[float], [1.0, 1.0]), ([1, 0.5, REAL], None, [1.0, 0.5, 2.5]),
])
def test_values(context: LaunchContext, value: Any, value_type: Any, expected: Any) -> None:
    for result in (ParameterValue(value, value_type=value_type).evaluate(context),
                   Parameter('p', value, value_type=value_type).evaluate(context)[1]):
        assert result == expected
        assert type(result) is type(expected)
        if isinstance(result, list):
            assert [type(item) for item in result] == [type(item) for item in expected]


@pytest.mark.parametrize(('value', 'value_type'), [
    ('1', int), ('[1, 2]', List[int]), ('true', bool), (1, str), (1.5, int), ([1, 2], int), ([[ONE], [ONE]], str),
    ([1, 2.5], List[int]), (['a', 1], None), ([True, 1], None), ([1, NAME], List[str]), ([['a'], ['b']], None),
    ([1, None], None), (None, None), ({'a': 1}, None), (object(), None),
])
def test_wrong_values_are_type_errors(value: Any, value_type: Any) -> None:
    for make in (ParameterValue, lambda *args, **kwargs: Parameter('p', *args, **kwargs)):
        with pytest.raises(TypeError):
            make(value, value_type=value_type)


@pytest.mark.parametrize(('value', 'value_type'), [
    (NAME, int), ([1, NAME], None), ([1, REAL], List[int]), ([[LIST], [LIST]], None), ([2.5, ONE], None)])
def test_wrong_values_from_substitutions_are_errors(context: LaunchContext, value: Any, value_type: Any) -> None:
    with pytest.raises(ValueError):
        ParameterValue(value, value_type=value_type).evaluate(context)
    with pytest.raises(SubstitutionFailure, match="parameter 'p'"):
        Parameter('p', value, value_type=value_type).evaluate(context)


@pytest.mark.parametrize(('value', 'expected'), [
    ([ONE, 2], [1, 2]), ([TRUE, False], [True, False]), (['a', [NAME, '_v']], ['a', 'go_v']), ([[ONE], [ONE]], [1, 1]),
    ([ONE, ONE], 11), ([REAL, 1.0, [ONE, '.5']], [2.5, 1.0, 1.5]),
    (ParameterValue([1, ONE]), [1, 1]), (ParameterValue('on'), 'on'),
])
def test_values_in_dictionaries(context: LaunchContext, value: Any, expected: Any) -> None:
    assert evaluate_parameter_dict(context, normalize_parameter_dict({'x': value})) == {'x': expected}


@pytest.mark.parametrize('value', [[NAME, 2], [[LIST], [LIST]], [REAL, 1]])
def test_lists_in_dictionaries_are_of_one_type(context: LaunchContext, value: Any) -> None:
    with pytest.raises(SubstitutionFailure, match="parameter 'x': the items of a list must be of one type"):
        evaluate_parameter_dict(context, normalize_parameter_dict({'x': value}))
