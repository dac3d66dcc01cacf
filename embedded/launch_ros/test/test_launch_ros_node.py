"""Node and the settings around it: command line, names, parameters, remappings."""

from pathlib import Path
from typing import Any

import launch
import pytest
from ament_index_python.packages import PackageNotFoundError
from launch.actions import GroupAction, SetLaunchConfiguration
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, SubstitutionFailure
from launch_ros.actions import (
    Node,
    PushROSNamespace,
    PushRosNamespace,
    SetParameter,
    SetParametersFromFile,
    SetRemap,
)
from launch_ros.descriptions import Parameter
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue
from launch_ros.substitutions import ExecutableInPackage, FindPackagePrefix, FindPackageShare


def show(**options: Any) -> Any:
    return Node(package='demo_pkg', executable='show', cached_output=True, **options)


def error_of(capsys: Any, *entities: Any) -> Any:
    service = launch.LaunchService(noninteractive=True)
    service.include_launch_description(launch.LaunchDescription(list(entities)))
    assert service.run() == 1
    output = capsys.readouterr().out
    assert 'Traceback' not in output
    [error] = [line for line in output.splitlines() if line.startswith('[ERROR] [launch]: ')]
    return error


def test_command_line(run_nodes: Any, package: Path) -> None:
    node = show(
        name='talker', namespace='robot', arguments=['--fast', LaunchConfiguration('mode')],
        ros_arguments=['--log-level', 'debug'], remappings=[('chatter', '/c'), ['a', LaunchConfiguration('mode')]])
    [started] = run_nodes([node], SetLaunchConfiguration('mode', 'm'), node)
    assert started.path == str(package / 'lib' / 'demo_pkg' / 'show')
    assert started.argv == [
        '--fast', 'm', '--ros-args', '--log-level', 'debug', '--ros-args', '-r', '__node:=talker',
        '-r', '__ns:=/robot', '-r', 'chatter:=/c', '-r', 'a:=m']
    assert node.node_name == '/robot/talker'
    assert node.process_details['name'].startswith('show-')


def test_without_name_namespace_and_package(run_nodes: Any, package: Path) -> None:
    node = Node(executable=str(package / 'lib' / 'demo_pkg' / 'show'), exec_name='label', cached_output=True)
    [started] = run_nodes([node])
    assert started.argv == ['--ros-args']
    assert node.process_details is not None
    assert node.process_details['name'].startswith('label-')
    assert not node.is_node_name_fully_specified()


@pytest.mark.parametrize(('pushed', 'own', 'full'), [
    (['a'], 'b', '/a/b'), (['a', 'b'], None, '/a/b'), (['a', '/b'], 'c', '/b/c'), (['a'], '/c', '/c'),
    ([], '', '/'), (['a'], '', '/a'), (['/'], 'b', '/b')])
def test_namespaces(run_nodes: Any, pushed: Any, own: Any, full: Any) -> None:
    node = show(namespace=own, name='n')
    after = show(name='n')
    started, outside = run_nodes(
        [node, after], GroupAction([*(PushRosNamespace(name) for name in pushed), node]), after)
    assert f'__ns:={full}' in started.argv
    assert not any(word.startswith('__ns') for word in outside.argv)
    assert PushROSNamespace is PushRosNamespace


@pytest.mark.parametrize(('name', 'namespace', 'key'), [
    ('talker', 'robot', '/robot/talker'), ('talker', '', '/talker'), ('talker', None, '/**'), (None, 'robot', '/**')])
def test_key_of_the_parameter_file(run_nodes: Any, name: Any, namespace: Any, key: Any) -> None:
    [started] = run_nodes([show(name=name, namespace=namespace, parameters=[{'a': 1}])])
    assert started.files == [{key: {'ros__parameters': {'a': 1}}}]


def test_types_of_parameters(run_nodes: Any) -> None:
    rate, flag = LaunchConfiguration('rate'), LaunchConfiguration('flag')
    node = show(parameters=[{
        'text': 'true', 'number': 3, 'real': 2.0, 'flag': False, 'path': Path('/a/b'),
        'from_rate': rate, 'from_flag': flag, 'joined': ['x', rate], 'forced': ParameterValue(rate, value_type=str),
        'forced_real': ParameterValue(rate, value_type=float),
        'forced_list': ParameterValue(LaunchConfiguration('numbers', default='[1, 2]'), value_type=list[int]),
        'ints': [1, 2], 'reals': [1, 2.5], 'texts': ['1', 'b'], 'items': [[rate], ['1', rate]], 'empty': '',
        'nested': {'deep': {'key': 1}, rate: 2}, ('sub', '_', flag): 'x',
        'list_text': LaunchConfiguration('list'),
    }])
    [started] = run_nodes(
        [node], SetLaunchConfiguration('rate', '20'), SetLaunchConfiguration('flag', 'true'),
        SetLaunchConfiguration('list', '[a, b]'), node)
    [file] = started.files
    assert file['/**']['ros__parameters'] == {
        'text': 'true', 'number': 3, 'real': 2.0, 'flag': False, 'path': '/a/b',
        'from_rate': 20, 'from_flag': True, 'joined': 'x20', 'forced': '20', 'forced_real': 20.0,
        'forced_list': [1, 2], 'ints': [1, 2], 'reals': [1.0, 2.5], 'texts': ['1', 'b'], 'items': [20, 120],
        'empty': '', 'nested.deep.key': 1, 'nested.20': 2, 'sub_true': 'x', 'list_text': ['a', 'b']}
    assert isinstance(file['/**']['ros__parameters']['forced_real'], float)


def test_parameter_files_are_removed_at_the_end(run_nodes: Any, tmp_path: Path) -> None:
    [started] = run_nodes([show(parameters=[{'a': 1}, {'b': 2}])])
    assert len(started.values_after('--params-file')) == 2
    assert list((tmp_path / 'tmp').iterdir()) == []


def test_order_of_files_dictionaries_and_parameters(run_nodes: Any, package: Path) -> None:
    file = package / 'share' / 'demo_pkg' / 'params.yaml'
    file.write_text('/**/talker:\n  ros__parameters: {a: file}\n')
    path = PathJoinSubstitution([FindPackageShare('demo_pkg'), 'params.yaml'])
    [started] = run_nodes([show(parameters=[path, {'a': 'dict'}, ParameterFile(file), Parameter('a', 'x y')])])
    assert started.values_after('-p') == ['a:=x y']
    files = started.values_after('--params-file')
    assert files[0] == files[2] == str(file)
    assert started.files[0] == {'/**/talker': {'ros__parameters': {'a': 'file'}}}
    assert started.files[1] == {'/**': {'ros__parameters': {'a': 'dict'}}}


def test_set_parameter_file_and_remap_apply_within_the_scope(run_nodes: Any, tmp_path: Path) -> None:
    file = tmp_path / 'all.yaml'
    file.write_text('/**:\n  ros__parameters: {b: 1}\n')
    inside, outside = show(parameters=[{'own': 1}], remappings=[('x', 'y')]), show()
    started, other = run_nodes(
        [inside, outside], SetParameter('outer', '1'),
        GroupAction([
            SetParameter('use_sim_time', True), SetParameter('list', ['a', 'b']), SetParametersFromFile(str(file)),
            SetRemap('from', 'to'), inside]),
        outside)
    assert started.values_after('-p') == ['outer:=1', 'use_sim_time:=true', 'list:=[a, b]']
    assert started.values_after('-r') == ['from:=to', 'x:=y']
    assert started.values_after('--params-file')[0] == str(file)
    assert list(started.files[1].values()) == [{'ros__parameters': {'own': 1}}]
    assert other.values_after('-p') == ['outer:=1']
    assert other.values_after('-r') == other.values_after('--params-file') == []


def test_places_of_packages(package: Path) -> None:
    context = launch.LaunchContext()
    assert FindPackagePrefix('demo_pkg').perform(context) == str(package)
    assert FindPackageShare(['demo', '_pkg']).perform(context) == str(package / 'share' / 'demo_pkg')
    assert ExecutableInPackage('show', 'demo_pkg').perform(context) == str(package / 'lib' / 'demo_pkg' / 'show')


def test_package_that_is_missing_is_one_that_is_not_found() -> None:
    for find in (FindPackagePrefix('x').find, FindPackageShare('x').find):
        for error in (PackageNotFoundError, SubstitutionFailure):
            with pytest.raises(error, match=r"^package 'demo_pgk' was not found, did you mean 'demo_pkg'\?"):
                find('demo_pgk')


@pytest.mark.parametrize(('make', 'words'), [
    (lambda: Node(package='demo_pgk', executable='show'), ["'demo_pgk'", "'demo_pkg'"]),
    (lambda: Node(package='demo_pkg', executable='shwo'), ["'shwo'", "'show'"]),
    (lambda: show(name='a b'), ["'a b'", 'node name']),
    (lambda: show(namespace='a-b'), ["'/a-b'", 'namespace']),
    (lambda: show(parameters=[{'rate': ParameterValue(LaunchConfiguration('missing', default='fast'), value_type=float)}]),
     ["'rate'", "'fast'", 'float']),
    (lambda: show(parameters=[{'rate': LaunchConfiguration('missing')}]), ["'missing'"]),
    (lambda: show(parameters=[{'mixed': [LaunchConfiguration('missing', default='[1, a]')]}]), ["'mixed'"]),
    (lambda: SetParametersFromFile('no/such.yaml'), ["'no/such.yaml'"]),
])
def test_mistakes_are_one_line(capsys: Any, make: Any, words: Any) -> None:
    error = error_of(capsys, make())
    assert all(word in error for word in words), error


@pytest.mark.parametrize('parameters', ['file.yaml', {'a': 1}, [{'a': object()}], [{'a': []}], [{'a': None}]])
def test_wrong_parameters_are_type_errors(parameters: Any) -> None:
    with pytest.raises(TypeError):
        show(parameters=parameters)


@pytest.mark.parametrize('remappings', [{'a': 'b'}, [{'a': 'b'}], ['ab'], [('a', 'b', 'c')], [('a',)], 'ab'])
def test_wrong_remappings_are_type_errors(remappings: Any) -> None:
    with pytest.raises(TypeError, match='remappings must be a list of'):
        show(remappings=remappings)


def test_same_node_twice_is_a_warning(run_nodes: Any, capsys: Any) -> None:
    run_nodes([show(name='n', namespace='/'), show(name='n', namespace='/')])
    assert "more than one node '/n'" in capsys.readouterr().out


def test_parameter_file_that_is_missing_is_left_out_with_a_warning(run_nodes: Any, capsys: Any) -> None:
    [started] = run_nodes([show(parameters=['no/such.yaml', {'a': 1}])])
    assert started.files == [{'/**': {'ros__parameters': {'a': 1}}}]
    assert '[WARNING] [launch_ros.actions.node]: Parameter file path is not a file: no/such.yaml' in capsys.readouterr().out


def test_substitutions_in_a_parameter_file(run_nodes: Any, tmp_path: Path, package: Path, capsys: Any) -> None:
    file = tmp_path / 'params.yaml'
    file.write_text('/**:\n  ros__parameters:\n    rate: $(var rate)\n    share: $(find-pkg-share demo_pkg)/x\n')
    node = show(parameters=[ParameterFile(file, allow_substs=True)])
    [started] = run_nodes([node], SetLaunchConfiguration('rate', '20'), node)
    assert started.files == [{'/**': {'ros__parameters': {'rate': 20, 'share': f'{package}/share/demo_pkg/x'}}}]
    assert list((tmp_path / 'tmp').iterdir()) == []
    [plain] = run_nodes([show(parameters=[ParameterFile(file)])])
    assert plain.values_after('--params-file') == [str(file)]
    error = error_of(capsys, show(parameters=[ParameterFile(file, allow_substs=True)]))
    assert str(file) in error
    assert "'rate' does not exist" in error


def test_nodes_share_a_parameter_file_with_substitutions(run_nodes: Any, tmp_path: Path) -> None:
    file = tmp_path / 'params.yaml'
    file.write_text('/**: {ros__parameters: {rate: $(var rate)}}\n')
    shared = ParameterFile(file, allow_substs=True)
    nodes = [show(name=name, parameters=[shared]) for name in ('one', 'two')]
    started = run_nodes(nodes, SetLaunchConfiguration('rate', '20'), *nodes)
    assert [node.files for node in started] == [[{'/**': {'ros__parameters': {'rate': 20}}}]] * 2
    assert list((tmp_path / 'tmp').iterdir()) == []
    [later] = again = [show(parameters=[shared])]
    [third] = run_nodes(again, SetLaunchConfiguration('rate', '30'), later)
    assert third.files == [{'/**': {'ros__parameters': {'rate': 30}}}]


def test_what_the_node_was_given_is_known_after_execution(run_nodes: Any) -> None:
    node, bare = show(namespace='a', remappings=[('x', LaunchConfiguration('to'))]), show()
    run_nodes([node, bare], SetLaunchConfiguration('to', 'y'), GroupAction([SetRemap('from', 'to'), node]), bare)
    assert node.expanded_node_namespace == '/a'
    assert node.expanded_remapping_rules == [('from', 'to'), ('x', 'y')]
    assert bare.expanded_node_namespace == Node.UNSPECIFIED_NODE_NAMESPACE
    assert bare.expanded_remapping_rules is None


def test_modules_have_the_import_paths_of_stock_launch_ros() -> None:
    from launch_ros.actions.push_ros_namespace import PushRosNamespace as pushed
    from launch_ros.actions.set_parameter import SetParameter as parameter
    from launch_ros.substitutions.find_package import FindPackageShare as share
    assert (pushed, parameter, share) == (PushRosNamespace, SetParameter, FindPackageShare)


def test_what_is_not_covered_is_a_clear_error() -> None:
    with pytest.raises(ImportError, match='not part of the embedded launch_ros; install ROS 2 for it'):
        exec('from launch_ros.actions import ComposableNodeContainer')
