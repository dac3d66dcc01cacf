"""Processes: output, exit, respawn, events, environment."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from launch.actions import (
    EmitEvent,
    ExecuteProcess,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
    SetLaunchConfiguration,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnProcessExit, OnProcessIO, OnProcessStart
from launch.events import matches_action
from launch.events.process import ProcessStdin, ShutdownProcess, SignalProcess, matches_name
from launch.logging import get_output_loggers
from launch.processes.child import start_process
from launch.processes.session import ProcessSession
from launch.substitutions import LaunchConfiguration

SLEEP = 'import time; print("up", flush=True); time.sleep(60)'


def python(code: Any, *arguments: Any, **options: Any) -> Any:
    return ExecuteProcess(cmd=[sys.executable, '-S', '-u', '-c', code, *arguments], **options)


def test_output_has_the_name_of_the_process_before_each_line(run_launch: Any, capsys: Any) -> None:
    code = 'import sys; print("out"); print("err", file=sys.stderr); sys.stdout.write("no end")'
    action = python(code, name='talker', output='screen', cached_output=True)
    assert run_launch(action).code == 0
    name = action.process_details['name']
    output = capsys.readouterr().out
    assert name.startswith('talker-')
    assert name.removeprefix('talker-').isdigit()
    assert [line for line in output.splitlines() if line.startswith(f'[{name}] ')]
    assert all(
        f'[{name}] {text}\n' in output for text in ('out', 'err', 'no end'))
    pid = action.process_details['pid']
    assert f'[INFO] [{name}]: process started with pid [{pid}]\n' in output
    assert f'[INFO] [{name}]: process has finished cleanly [pid {pid}]\n' in output
    assert (action.get_stdout(), action.get_stderr()) == ('out\nno end', 'err\n')


@pytest.mark.parametrize(('output', 'on_screen', 'in_log'), [
    ('screen', {'out', 'err'}, set()), ('log', {'err'}, {'out', 'err'}), ('both', {'out', 'err'}, {'out', 'err'}),
    ({'stdout': 'log', 'stderr': {'screen'}}, {'err'}, {'out'}), ('own_log', set(), set())])
def test_output_goes_where_it_should(
    run_launch: Any, capsys: Any, log_folder: Path, output: Any, on_screen: Any, in_log: Any,
) -> None:
    action = python('import sys; print("out"); print("err", file=sys.stderr)', name='p', output=output)
    run_launch(action)
    screen = capsys.readouterr().out
    [folder] = [path for path in log_folder.iterdir() if not path.is_symlink()]
    name = action.process_details['name']
    log = (folder / 'launch.log').read_text()
    for text in ('out', 'err'):
        assert (f'[{name}] {text}' in screen) == (text in on_screen)
        assert (f'[{name}] {text}' in log) == (text in in_log)
    if output == 'own_log':
        assert f'[{name}] err' in (folder / f'{name}-stderr.log').read_text()
        assert 'out' in (folder / f'{name}.log').read_text()
    assert f'[INFO] [{name}]: process started' in log


@pytest.mark.parametrize(('options', 'name'), [
    ({'cmd': ['/bin/echo', 'hello']}, 'echo'),
    ({'cmd': ['echo hello; echo world'], 'shell': True}, 'echo hello; echo world'),
    ({'cmd': ['/bin/echo', 'hello'], 'prefix': '/usr/bin/env A=1'}, 'env'),
    ({'cmd': ['/bin/echo', 'hello'], 'name': ['said', '_', LaunchConfiguration('name')]}, 'said_aloud'),
])
def test_names_of_processes(run_launch: Any, options: Any, name: str) -> None:
    action = ExecuteProcess(cached_output=True, **options)
    assert run_launch(SetLaunchConfiguration('name', 'aloud'), action).code == 0
    given, _, number = action.process_details['name'].rpartition('-')
    assert given == name
    assert number.isdigit()
    assert action.get_stdout().startswith('hello\n')


def test_unknown_output_is_an_error(run_launch: Any) -> None:
    assert run_launch(python('pass', output='scren')).code == 1
    with pytest.raises(ValueError, match='screen'):
        get_output_loggers('x', {'stdout': 'tape'})


def test_exit_code_of_the_first_failed_process(run_launch: Any) -> None:
    first = python('raise SystemExit(3)')
    second = python('raise SystemExit(4)')
    launched = run_launch(first, RegisterEventHandler(OnProcessExit(target_action=first, on_exit=[second])))
    assert launched.code == 3
    assert second.return_code == 4


def test_death_by_a_signal_counts_as_128_plus_its_number(run_launch: Any) -> None:
    assert run_launch(python('import os; os.kill(os.getpid(), 9)')).code == 137


def test_failures_after_shutdown_was_requested_do_not_count(run_launch: Any) -> None:
    code = ('import signal, sys, time; signal.signal(signal.SIGINT, lambda *_: sys.exit(5)); print("up"); '
            'time.sleep(60)')
    action = python(code)
    launched = run_launch(
        action, RegisterEventHandler(OnProcessIO(target_action=action, on_stdout=lambda event: Shutdown())))
    assert (action.return_code, launched.code) == (5, 0)


def test_command_that_cannot_be_started(run_launch: Any, capsys: Any) -> None:
    assert run_launch(ExecuteProcess(cmd=['no_such_command_here'])).code == 127
    output = capsys.readouterr().out
    assert 'could not be started' in output
    assert 'no_such_command_here' in output
    assert 'Traceback' not in output


def test_respawn_with_delay_up_to_the_limit(run_launch: Any, tmp_path: Path) -> None:
    counter = tmp_path / 'starts'
    code = f'import time; open({str(counter)!r}, "a").write(f"{{time.monotonic()}} "); raise SystemExit(6)'
    exits = []
    launched = run_launch(python(
        code, respawn=True, respawn_delay=0.1, respawn_max_retries=2,
        on_exit=lambda event, context: exits.append(event.returncode)))
    starts = [float(text) for text in counter.read_text().split()]
    assert launched.code == 6
    assert exits == [6, 6, 6]
    assert len(starts) == 3
    assert all(b - a >= 0.1 for a, b in zip(starts, starts[1:]))


def test_a_process_that_recovers_is_no_failure(run_launch: Any, tmp_path: Path) -> None:
    marker = tmp_path / 'marker'
    code = f'import os, sys; p = {str(marker)!r}; sys.exit(0) if os.path.exists(p) else (open(p, "w"), sys.exit(1))'
    assert run_launch(python(code, respawn=True, respawn_max_retries=1)).code == 0


def test_shutdown_ends_respawning(run_launch: Any) -> None:
    action = python(SLEEP, respawn=True)
    launched = run_launch(
        action, RegisterEventHandler(OnProcessIO(target_action=action, on_stdout=lambda event: Shutdown())))
    assert (launched.code, action.return_code) == (0, -2)


def test_exit_that_ends_the_launch_instead_of_a_respawn_is_a_failure(run_launch: Any) -> None:
    action = python('raise SystemExit(2)', respawn=True, respawn_delay=60.0)
    assert run_launch(
        action, RegisterEventHandler(OnProcessExit(target_action=action, on_exit=[Shutdown()]))).code == 2


def test_shutdown_during_the_respawn_delay_ends_it(run_launch: Any) -> None:
    action = python('pass', respawn=True, respawn_delay=60.0)
    assert run_launch(
        action, RegisterEventHandler(OnProcessExit(target_action=action, on_exit=[Shutdown()]))).code == 0


def test_events_of_a_process_reach_handlers_by_action_and_predicate(run_launch: Any) -> None:
    notes = []
    action, other = python('import os; os.write(1, b"a")', name='a'), python('print("b")', name='b')

    def on_text(event: Any) -> None:
        assert event.from_stdout
        assert not event.from_stderr
        notes.append(('text', event.text.decode()))

    def on(text: Any) -> Any:
        return lambda event, context: notes.append((text, event.process_name.split('-')[0]))

    run_launch(
        RegisterEventHandler(OnProcessStart(target_action=action, on_start=on('start'))),
        RegisterEventHandler(OnProcessExit(target_action=lambda a: a is action, on_exit=on('exit'))),
        RegisterEventHandler(OnProcessIO(
            target_action=action, on_stdout=on_text)),
        RegisterEventHandler(OnProcessExit(on_exit=on('any'))),
        action, RegisterEventHandler(OnProcessExit(target_action=action, on_exit=[other])))
    assert notes == [('start', 'a'), ('text', 'a'), ('any', 'a'), ('exit', 'a'), ('any', 'b')]


def test_signal_and_shutdown_of_single_processes(run_launch: Any) -> None:
    one, two = python(SLEEP, name='one'), python(SLEEP, name='two')
    exits = []
    launched = run_launch(
        one, two,
        RegisterEventHandler(OnProcessIO(target_action=one, on_stdout=lambda event: EmitEvent(event=SignalProcess(
            signal_number='SIGTERM', process_matcher=matches_action(one))))),
        RegisterEventHandler(OnProcessIO(target_action=two, on_stdout=lambda event: EmitEvent(event=ShutdownProcess(
            process_matcher=matches_name(event.process_name))))),
        RegisterEventHandler(OnProcessExit(on_exit=lambda event, context: exits.append(event.returncode))))
    assert sorted(exits) == [-15, -2]
    assert launched.code == 0


def test_standard_input(run_launch: Any) -> None:
    action = python('print("got", input())', cached_output=True)

    def answer(event: Any, context: Any) -> Any:
        return EmitEvent(event=ProcessStdin(text=b'line\n', **action.process_details))

    run_launch(action, RegisterEventHandler(OnProcessStart(target_action=action, on_start=answer)))
    assert action.get_stdout() == 'got line\n'


def test_environment_directory_shell_and_prefix(run_launch: Any, tmp_path: Path) -> None:
    show = 'import os; print(os.environ.get("LT_A"), os.environ.get("LT_B"), os.environ.get("HOME"), os.getcwd())'
    inherited = python(show, additional_env={'LT_B': '2'}, cwd=str(tmp_path), cached_output=True)
    clean = python(show, env={'LT_B': '3'}, cwd=str(tmp_path), cached_output=True)
    shell = ExecuteProcess(cmd=['echo $LT_A | tr 1 x'], shell=True, cached_output=True)
    prefixed = python('', cached_output=True, prefix='echo prefix')
    filtered = ExecuteProcess(cmd=['echo', 'plain'], cached_output=True)
    run_launch(
        SetEnvironmentVariable('HOME', 'home'), SetEnvironmentVariable('LT_A', '1'), inherited, clean, shell,
        SetLaunchConfiguration('launch-prefix', 'env'), SetLaunchConfiguration('launch-prefix-filter', 'other'),
        prefixed, filtered)
    assert inherited.get_stdout() == f'1 2 home {tmp_path}\n'
    assert clean.get_stdout() == f'None 3 None {tmp_path}\n'
    assert shell.get_stdout() == 'x\n'
    assert prefixed.get_stdout().startswith('prefix ')
    assert filtered.process_details is not None
    assert filtered.process_details['cmd'] == ['echo', 'plain']


def test_emulated_terminal(run_launch: Any) -> None:
    show = 'import os; print(os.isatty(1), os.isatty(2), os.isatty(0))'
    plain, terminal = python(show, cached_output=True), python(show, emulate_tty=True, cached_output=True)
    assert run_launch(plain, terminal).code == 0
    assert plain.get_stdout() == 'False False False\n'
    assert terminal.get_stdout() == 'True True False\n'


def test_large_and_undecodable_output_is_complete(run_launch: Any) -> None:
    action = python('import sys; sys.stdout.buffer.write(b"\\xff" + "ä".encode() * 200000)', cached_output=True)
    run_launch(action)
    assert action.get_stdout() == '\ufffd' + 'ä' * 200000


def test_executing_an_action_twice_is_an_error(run_launch: Any, capsys: Any) -> None:
    action = python('pass', name='once')
    assert run_launch(action, action).code == 1
    assert 'once-' in capsys.readouterr().out


def test_output_that_is_not_kept_cannot_be_asked_for() -> None:
    with pytest.raises(RuntimeError, match='cached_output'):
        python('pass').get_stdout()


def test_a_process_asked_for_during_shutdown_is_not_started(run_launch: Any) -> None:
    late = python('pass')
    first = python(SLEEP)
    run_launch(
        first, RegisterEventHandler(OnProcessIO(target_action=first, on_stdout=lambda event: Shutdown())),
        RegisterEventHandler(OnProcessExit(target_action=first, on_exit=[late])))
    assert 'pid' not in late.process_details
    assert late.return_code is None


def test_run_can_be_repeated_and_runs_in_threads(run_launch: Any) -> None:
    import threading

    import launch
    service = launch.LaunchService()
    codes = []

    def run() -> None:
        service.include_launch_description(launch.LaunchDescription([python('pass')]))
        codes.append(service.run())

    for _ in range(2):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    assert codes == [0, 0]


def test_shutdown_from_another_thread(run_launch: Any) -> None:
    import threading

    import launch
    service = launch.LaunchService(noninteractive=True)
    action = python(SLEEP)
    service.include_launch_description(launch.LaunchDescription([
        action, TimerAction(period=60.0, actions=[]),
        RegisterEventHandler(OnProcessIO(target_action=action, on_stdout=lambda event: OpaqueFunction(
            function=lambda context: threading.Thread(target=service.shutdown).start())))]))
    assert service.run() == 0
    assert action.return_code == -2


def test_signals_to_a_process_that_is_ending_do_not_lose_its_exit_code() -> None:
    async def run() -> list[int]:
        session, codes = ProcessSession(), []
        for _ in range(20):
            child = await start_process(['sh', '-c', 'exit 3'], cwd=None, env={}, shell=False, emulate_tty=False, session=session)
            while child.send_signal(0):
                await asyncio.sleep(0)
            codes.append(await child.wait())
            child.close()
        session.close()
        return codes

    assert asyncio.run(run()) == [3] * 20
