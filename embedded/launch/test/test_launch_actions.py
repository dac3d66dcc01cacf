"""Actions: scopes, includes, arguments, functions, events, environment."""

import importlib
import os
from pathlib import Path
from typing import Any

import pytest
from launch import Condition, LaunchDescription, LaunchDescriptionSource
from launch.actions import (
    AppendEnvironmentVariable,
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    GroupAction,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueCoroutine,
    OpaqueFunction,
    RegisterEventHandler,
    ResetLaunchConfigurations,
    SetEnvironmentVariable,
    SetLaunchConfiguration,
    Shutdown,
    TimerAction,
    UnregisterEventHandler,
    UnsetEnvironmentVariable,
    UnsetLaunchConfiguration,
)
from launch.conditions import IfCondition, LaunchConfigurationEquals, LaunchConfigurationNotEquals, UnlessCondition
from launch.event import Event
from launch.event_handler import EventHandler
from launch.event_handlers import OnExecutionComplete, OnProcessExit, OnShutdown
from launch.events import Shutdown as ShutdownEvent
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.logging import get_logger
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, ThisLaunchFile, ThisLaunchFileDir


def note(notes: Any, *names: Any) -> Any:
    """Return an action that notes the values of launch configurations (None where missing)."""
    return OpaqueFunction(function=lambda context: notes.append(
        tuple(context.launch_configurations.get(name) for name in names)))


def included(*entities: Any) -> Any:
    return LaunchDescriptionSource(LaunchDescription(entities))


@pytest.mark.parametrize(('options', 'inside', 'after'), [
    ({}, ('out', 'in', 'given'), ('out', None, None)),
    ({'scoped': False}, ('out', 'in', 'given'), ('out', 'in', 'given')),
    ({'forwarding': False}, (None, 'in', 'given'), ('out', None, None)),
])
def test_group_scopes_launch_configurations(run_launch: Any, options: Any, inside: Any, after: Any) -> None:
    notes: list[Any] = []
    run_launch(
        SetLaunchConfiguration('outer', 'out'),
        GroupAction([SetLaunchConfiguration('inner', 'in'), note(notes, 'outer', 'inner', 'given')],
                    launch_configurations={'given': 'given'}, **options),
        note(notes, 'outer', 'inner', 'given'))
    assert notes == [inside, after]


def test_group_scopes_the_environment(run_launch: Any) -> None:
    seen = []
    look = OpaqueFunction(function=lambda context: seen.append(
        (os.environ.get('LAUNCH_TEST_A'), os.environ.get('LAUNCH_TEST_B'))))
    run_launch(
        SetEnvironmentVariable('LAUNCH_TEST_A', '1'),
        GroupAction([
            SetEnvironmentVariable('LAUNCH_TEST_B', '2'), UnsetEnvironmentVariable('LAUNCH_TEST_A'), look]),
        look,
        AppendEnvironmentVariable('LAUNCH_TEST_A', '3'),
        AppendEnvironmentVariable('LAUNCH_TEST_A', '0', prepend=True, separator=' '), look)
    assert seen == [(None, '2'), ('1', None), (f'0 1{os.pathsep}3', None)]


def test_include_sets_arguments_that_stay_unless_in_a_group(run_launch: Any) -> None:
    notes: list[Any] = []
    description = included(DeclareLaunchArgument('a', default_value='default'), note(notes, 'a'))
    run_launch(
        GroupAction([IncludeLaunchDescription(description, launch_arguments={'a': 'x'}.items())]),
        note(notes, 'a'),
        IncludeLaunchDescription(description), note(notes, 'a'))
    assert notes == [('x',), (None,), ('default',), ('default',)]


def test_include_needs_required_arguments_even_where_a_configuration_has_the_name(run_launch: Any) -> None:
    description = included(DeclareLaunchArgument('a'))
    assert run_launch(SetLaunchConfiguration('a', 'x'), IncludeLaunchDescription(description)).code == 1
    assert run_launch(IncludeLaunchDescription(description, launch_arguments=[('a', 'x')])).code == 0


def test_include_of_files_sets_the_location_and_restores_it(run_launch: Any, tmp_path: Path) -> None:
    (tmp_path / 'sub').mkdir()
    inner, outer = tmp_path / 'sub' / 'inner.launch.py', tmp_path / 'outer.launch.py'
    head = ('from launch import LaunchDescription\nfrom launch.actions import *\nfrom launch.substitutions import *\n'
            'def generate_launch_description():\n    return LaunchDescription([')
    inner.write_text(head + 'SetLaunchConfiguration("inner", [ThisLaunchFileDir(), "|", ThisLaunchFile()])])')
    outer.write_text(head + 'IncludeLaunchDescription([ThisLaunchFileDir(), "/sub/inner.launch.py"]), '
                            'SetLaunchConfiguration("outer", ThisLaunchFile())])')
    launched = run_launch(IncludeLaunchDescription(PythonLaunchDescriptionSource(str(outer))))
    assert launched.code == 0
    assert launched.configurations['inner'] == f'{inner.parent}|{inner}'
    assert launched.configurations['outer'] == str(outer)


def test_location_outside_of_a_file_is_an_error(run_launch: Any) -> None:
    for substitution in (ThisLaunchFile(), ThisLaunchFileDir()):
        assert run_launch(LogInfo(msg=substitution)).code == 1


@pytest.mark.parametrize(('action', 'words'), [
    (DeclareLaunchArgument('robot', choices=['a1', 'go2'], default_value=['b', '1']), ["'b1'", "'a1'", "'go2'"]),
    (DeclareLaunchArgument('robot'), ["'robot'", 'no default']),
    (IncludeLaunchDescription(included(DeclareLaunchArgument('needed'))), ["'needed'", 'no default']),
    (IncludeLaunchDescription('no/such.launch.py'), ['no/such.launch.py', 'not found']),
    (LogInfo(msg=LaunchConfiguration('nothing')), ["'nothing'", 'does not exist']),
    (LogInfo(msg='', condition=IfCondition('perhaps')), ["'perhaps'", 'true']),
])
def test_mistakes_are_one_line_and_code_1(run_launch: Any, capsys: Any, action: Any, words: Any) -> None:
    assert run_launch(action).code == 1
    output = capsys.readouterr().out
    [error] = [line for line in output.splitlines() if line.startswith('[ERROR] [launch]: ')]
    assert all(word in error for word in words), error
    assert 'Traceback' not in output


def test_choices_check_values_from_outside_and_name_the_nearest(run_launch: Any, capsys: Any) -> None:
    argument = DeclareLaunchArgument('robot', choices=['a1', 'go2'])
    assert run_launch(SetLaunchConfiguration('robot', 'go2'), argument).code == 0
    assert run_launch(SetLaunchConfiguration('robot', 'go'), argument).code == 1
    assert "did you mean 'go2'" in capsys.readouterr().out


def test_get_launch_arguments_finds_included_and_conditional_ones(tmp_path: Path) -> None:
    file = tmp_path / 'inner.launch.py'
    file.write_text('from launch import LaunchDescription\nfrom launch.actions import *\n'
                    'def generate_launch_description():\n'
                    '    return LaunchDescription([DeclareLaunchArgument("inner", description="of the file"),'
                    '        DeclareLaunchArgument("top", default_value="again")])')
    description = LaunchDescription([
        DeclareLaunchArgument('top', default_value='1', description='Of the top.', choices=['1', '2']),
        GroupAction([IncludeLaunchDescription(str(file))]),
        GroupAction([DeclareLaunchArgument('maybe', default_value='')], condition=IfCondition('true')),
        IncludeLaunchDescription([LaunchConfiguration('unknown'), '/x.launch.py']),
        ResetLaunchConfigurations(), DeclareLaunchArgument('unreachable')])
    arguments = {argument.name: argument for argument in description.get_launch_arguments()}
    assert list(arguments) == ['top', 'inner', 'maybe']
    assert arguments['top'].description == "Of the top. Valid choices are: ['1', '2']"
    assert arguments['inner'].default_value is None
    assert arguments['inner'].description == 'of the file'
    assert [arguments[name]._conditionally_included for name in arguments] == [False, False, True]


def test_opaque_function_returns_entities_and_takes_arguments(run_launch: Any) -> None:
    def function(context: Any, a: Any, *, b: Any) -> Any:
        return [SetLaunchConfiguration('sum', str(a + b)), LaunchDescription([SetLaunchConfiguration('nested', '1')])]

    launched = run_launch(OpaqueFunction(function=function, args=[1], kwargs={'b': 2}))
    assert launched.configurations == {'sum': '3', 'nested': '1'}


def test_exception_in_an_opaque_function_ends_the_launch_with_1(run_launch: Any, capsys: Any) -> None:
    def fail(context: Any) -> None:
        raise KeyError('torso')

    assert run_launch(OpaqueFunction(function=fail), TimerAction(period=60.0, actions=[])).code == 1
    assert '[ERROR] [launch]: KeyError: torso' in capsys.readouterr().out


@pytest.mark.filterwarnings('ignore:LaunchConfiguration.*Equals is deprecated:UserWarning')
def test_conditions_choose_actions(run_launch: Any) -> None:
    launched = run_launch(
        SetLaunchConfiguration('sim', 'True'),
        SetLaunchConfiguration('if', '1', condition=IfCondition(LaunchConfiguration('sim'))),
        SetLaunchConfiguration('unless', '1', condition=UnlessCondition(LaunchConfiguration('sim'))),
        SetLaunchConfiguration('gone', '1'), UnsetLaunchConfiguration('gone'),
        SetLaunchConfiguration('equal', '1', condition=LaunchConfigurationEquals('sim', ['Tr', 'ue'])),
        SetLaunchConfiguration('unequal', '1', condition=LaunchConfigurationNotEquals('sim', 'True')),
        SetLaunchConfiguration('unset', '1', condition=LaunchConfigurationEquals('gone', None)),
        SetLaunchConfiguration('never', '1', condition=Condition()))
    assert launched.configurations == {'sim': 'True', 'if': '1', 'equal': '1', 'unset': '1'}


class Ping(Event):
    name = 'test.Ping'


def test_registered_handlers_respond_in_order_once_and_not_after_removal(run_launch: Any) -> None:
    notes: list[Any] = []

    def handler(name: Any, **options: Any) -> Any:
        return EventHandler(
            matcher=lambda event: isinstance(event, Ping), handle_once=options.get('once', False),
            entities=OpaqueFunction(function=lambda context: notes.append((name, context.locals.event.name))))

    removed = handler('removed')
    run_launch(
        RegisterEventHandler(handler('first')), RegisterEventHandler(handler('once', once=True)),
        RegisterEventHandler(removed), UnregisterEventHandler(removed),
        EmitEvent(event=Ping()), EmitEvent(event=Ping()))
    assert notes == [('once', 'test.Ping'), ('first', 'test.Ping'), ('first', 'test.Ping')]


def test_removing_a_handler_that_is_not_registered_is_an_error(run_launch: Any, capsys: Any) -> None:
    handler = EventHandler(matcher=lambda event: False)
    assert run_launch(UnregisterEventHandler(handler)).code == 1
    assert 'is not registered' in capsys.readouterr().out


def test_timers_run_in_order_and_shutdown_cancels_them(run_launch: Any) -> None:
    notes: list[Any] = []

    def append(text: Any) -> Any:
        return OpaqueFunction(function=lambda context: notes.append(text))

    launched = run_launch(
        TimerAction(period=0.15, actions=[append('late'), Shutdown(reason='enough')]),
        TimerAction(period=0.05, actions=[append('early')]),
        TimerAction(period=60.0, actions=[append('never')]),
        RegisterEventHandler(OnShutdown(on_shutdown=[append('shutdown')])),
        RegisterEventHandler(OnShutdown(on_shutdown=lambda event, context: notes.append(event.reason))))
    assert launched.code == 0
    assert notes == ['early', 'late', 'enough', 'shutdown']


def test_timer_keeps_the_location_of_its_file(run_launch: Any, tmp_path: Path) -> None:
    file = tmp_path / 'timer.launch.py'
    file.write_text('from launch import LaunchDescription\nfrom launch.actions import *\n'
                    'from launch.substitutions import *\ndef generate_launch_description():\n'
                    '    return LaunchDescription([TimerAction(period="0.01", actions=['
                    'SetLaunchConfiguration("where", ThisLaunchFileDir())])])')
    launched = run_launch(IncludeLaunchDescription(str(file)))
    assert launched.configurations['where'] == str(tmp_path)


def test_coroutine_completes_and_its_error_ends_the_launch(run_launch: Any) -> None:
    notes: list[Any] = []

    async def work(context: Any, text: Any) -> None:
        notes.append(text)

    async def fail(context: Any) -> None:
        raise ValueError('bad')

    action = OpaqueCoroutine(coroutine=work, args=['worked'])
    done = OnExecutionComplete(
        target_action=action, on_completion=OpaqueFunction(function=lambda context: notes.append('complete')))
    assert run_launch(RegisterEventHandler(done), action).code == 0
    assert notes == ['worked', 'complete']
    assert run_launch(OpaqueCoroutine(coroutine=fail), TimerAction(period=60.0, actions=[])).code == 1


def test_timer_keeps_the_event_that_started_it(run_launch: Any) -> None:
    notes: list[Any] = []
    action = ExecuteProcess(cmd=['true'])
    look = OpaqueFunction(function=lambda context: notes.append(context.locals.event.action))
    timer = TimerAction(period=0.05, actions=[look])
    run_launch(RegisterEventHandler(OnProcessExit(target_action=action, on_exit=[timer])), action)
    assert notes == [action]


async def over_at_once(context: Any) -> None:
    pass


@pytest.mark.parametrize('make', [
    lambda: LogInfo(msg='said'),
    lambda: TimerAction(period=0.01, actions=[]),
    lambda: GroupAction([]),
    lambda: ExecuteProcess(cmd=['true']),
    lambda: OpaqueCoroutine(coroutine=over_at_once),
])
def test_completion_of_any_action_is_told_to_those_who_listen(run_launch: Any, make: Any) -> None:
    action = make()
    notes: list[Any] = []
    done = OnExecutionComplete(
        target_action=action,
        on_completion=lambda event, context: notes.append((event.action, context.is_shutdown)))
    assert run_launch(RegisterEventHandler(done), action).code == 0
    assert notes == [(action, False)]


def test_shutdown_action_names_the_process_that_was_required(run_launch: Any, capsys: Any) -> None:
    reasons: list[str] = []
    required = ExecuteProcess(cmd=['true'], name='required', on_exit=Shutdown(reason=['it ', LaunchConfiguration('why')]))
    assert run_launch(
        SetLaunchConfiguration('why', 'ended'),
        RegisterEventHandler(OnShutdown(on_shutdown=lambda event, context: reasons.append(event.reason))),
        TimerAction(period=60.0, actions=[]), required).code == 0
    assert reasons == ['it ended']
    name = required.process_details['name']
    assert f'[INFO] [launch]: process[{name}] was required: shutting down launched system' in capsys.readouterr().out
    assert isinstance(Shutdown(reason='x'), EmitEvent)
    assert Shutdown(reason='x').event.reason == 'x'


def test_emitted_shutdown_ends_the_launch(run_launch: Any) -> None:
    assert run_launch(
        TimerAction(period=60.0, actions=[]), EmitEvent(event=ShutdownEvent(reason='done'))).code == 0


def test_log_info_performs_substitutions(run_launch: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('LAUNCH_TEST_NAME', 'robot')
    run_launch(LogInfo(msg=['hello ', EnvironmentVariable('LAUNCH_TEST_NAME')]))
    assert '[INFO] [launch.user]: hello robot' in capsys.readouterr().out


def test_loggers_show_their_names(run_launch: Any, capsys: Any) -> None:
    def log(context: Any) -> None:
        for name in ('mine', 'launch', 'launch_ros.actions.node', None):
            get_logger(name).warning('%s', name)

    run_launch(OpaqueFunction(function=log))
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith('[WARNING]')] == [
        '[WARNING] [mine]: mine', '[WARNING] [launch]: launch',
        '[WARNING] [launch_ros.actions.node]: launch_ros.actions.node', '[WARNING] [root]: None']


def test_wrong_constructor_arguments_are_type_errors() -> None:
    three: Any = 3
    text: Any = 'x'
    true: Any = True
    for make in (lambda: LogInfo(msg=three), lambda: RegisterEventHandler(text), lambda: EmitEvent(event=text),
                 lambda: OpaqueFunction(function=three), lambda: LaunchDescription([text]),
                 lambda: IncludeLaunchDescription('x', launch_arguments={'a': 'b'}),
                 lambda: SetLaunchConfiguration('a', 'b', condition=true)):
        with pytest.raises(TypeError):
            make()


def test_modules_have_the_import_paths_of_stock_launch() -> None:
    for module, name in (('actions.set_launch_configuration', 'SetLaunchConfiguration'), ('actions.emit_event', 'EmitEvent'),
                         ('actions.shutdown_action', 'Shutdown'), ('conditions.unless_condition', 'UnlessCondition'),
                         ('event_handlers.on_process_exit', 'OnProcessExit'), ('events.shutdown', 'Shutdown'),
                         ('events.process.process_exited', 'ProcessExited'),
                         ('substitutions.this_launch_file_dir', 'ThisLaunchFileDir')):
        package = importlib.import_module(f'launch.{module.rpartition(".")[0]}')
        assert getattr(importlib.import_module(f'launch.{module}'), name) is getattr(package, name)


def test_names_outside_of_the_covered_part_are_clear_errors() -> None:
    for statement in ('from launch.actions import ForEach', 'from launch.frontend import Parser',
                      'from launch.substitutions import PathSubstitution', 'import launch; launch.Nothing'):
        with pytest.raises(ImportError, match='not part of the embedded launch; install ROS 2 for it'):
            exec(statement)
