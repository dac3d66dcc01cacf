"""Stopping of single processes: before they run, and how long it may take."""

import sys
from typing import Any

import pytest
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    GroupAction,
    OpaqueFunction,
    RegisterEventHandler,
    SetLaunchConfiguration,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnProcessExit, OnProcessIO
from launch.events.process import ShutdownProcess, matches_executable, matches_pid
from launch.substitutions import LaunchConfiguration

STUBBORN = 'import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print("up", flush=True); time.sleep(60)'


def sleeper(**options: Any) -> Any:
    # Not Python: interrupted while it starts, that ends with 1 and not by the signal.
    return ExecuteProcess(cmd=['sleep', '60'], **options)


def stubborn(**options: Any) -> Any:
    return ExecuteProcess(cmd=[sys.executable, '-S', '-u', '-c', STUBBORN], **options)


def shutdown_when_up(action: Any) -> Any:
    return RegisterEventHandler(OnProcessIO(target_action=action, on_stdout=lambda event: Shutdown()))


def test_details_but_the_pid_are_known_before_the_process_runs(run_launch: Any) -> None:
    action = sleeper(cwd='/', env={'A': '1'})
    notes: list[Any] = []

    def look(context: Any) -> None:
        notes.append(dict(action.process_details))
        assert not matches_pid(1)(action)

    assert action.process_details is None
    assert run_launch(action, OpaqueFunction(function=look), Shutdown()).code == 0
    [details] = notes
    assert details.pop('name').startswith('sleep-')
    assert details == {'action': action, 'cmd': ['sleep', '60'], 'cwd': '/', 'env': {'A': '1'}}


def test_shutdown_of_a_process_that_does_not_run_yet(run_launch: Any) -> None:
    exits: list[Any] = []
    action = sleeper()

    def on_exit(event: Any, context: Any) -> list[Shutdown]:
        exits.append((event.returncode, context.is_shutdown))
        return [Shutdown()]

    launched = run_launch(
        action, EmitEvent(event=ShutdownProcess(process_matcher=matches_executable('sleep'))),
        RegisterEventHandler(OnProcessExit(on_exit=on_exit)), TimerAction(period=10.0, actions=[Shutdown()]))
    assert exits == [(-2, False)]
    assert launched.code == 0


@pytest.mark.parametrize('make', [
    lambda action: [action, DeclareLaunchArgument('sigterm_timeout', default_value='0.2')],
    lambda action: [
        SetLaunchConfiguration('sigterm_timeout', '7'), action,
        GroupAction([SetLaunchConfiguration('sigterm_timeout', '8')]), SetLaunchConfiguration('sigterm_timeout', '0.2')],
    lambda action: [GroupAction([action]), SetLaunchConfiguration('sigterm_timeout', '0.2')],
    lambda action: [
        GroupAction([action, SetLaunchConfiguration('sigterm_timeout', '0.2')]),
        SetLaunchConfiguration('sigterm_timeout', '7')],
])
def test_timeouts_are_performed_when_stopping_begins(run_launch: Any, capsys: Any, make: Any) -> None:
    action = stubborn()
    assert run_launch(*make(action), shutdown_when_up(action)).code == 0
    assert "failed to terminate '0.2' seconds after receiving 'SIGINT'" in capsys.readouterr().out
    assert action.return_code == -15


@pytest.mark.parametrize('value', ['soon', LaunchConfiguration('missing')])
def test_a_process_with_a_wrong_timeout_is_stopped_all_the_same(run_launch: Any, capsys: Any, value: Any) -> None:
    action = ExecuteProcess(cmd=['sh', '-c', 'echo up; exec sleep 60'], sigterm_timeout=value)
    assert run_launch(action, shutdown_when_up(action)).code == 1
    assert action.return_code == -2
    [error] = [line for line in capsys.readouterr().out.splitlines() if line.startswith('[ERROR] [launch]')]
    assert "sigterm_timeout 'soon' is not a number of seconds" in error or "'missing'" in error
