"""Ctrl-C, termination and death of a launch: everything stops in order and nothing is left."""

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from launch_process import is_alive, wait_until

TWO_SLEEPERS = 'return LaunchDescription([sleeper("one"), sleeper("two")])'


def wait_for_sleepers(launched: Any, *names: Any) -> Any:
    for name in names:
        launched.wait_for_output(f'{name} is up')
    return launched.pids()


def assert_gone(pids: Any, seconds: Any=5.0) -> None:
    wait_until(lambda: not any(is_alive(pid) for pid in pids), seconds, lambda: f'alive: {pids}')


def test_sigint_without_a_terminal_is_passed_on_and_ends_with_0(start_launch: Any) -> None:
    launched = start_launch('''
        tell = RegisterEventHandler(OnShutdown(on_shutdown=LogInfo(msg=['reason: ', LocalSubstitution('event.reason')])))
        return LaunchDescription([sleeper('one'), sleeper('two'), tell])''')
    pids = wait_for_sleepers(launched, 'one', 'two')
    launched.process.send_signal(signal.SIGINT)
    assert launched.wait() == 0
    assert not any(map(is_alive, pids))
    assert '[WARNING] [launch]: user interrupted with ctrl-c (SIGINT)' in launched.output
    assert 'reason: ctrl-c (SIGINT)\n' in launched.output
    assert "sending signal 'SIGINT' to process[one-1]" in launched.output


def test_sigint_with_a_terminal_reaches_the_group_once(start_launch: Any) -> None:
    count = ('n = 0\n'
             'def handle(*_):\n    global n; n += 1; print("got", n)\n    time.sleep(0.3); sys.exit(0)\n'
             'signal.signal(signal.SIGINT, handle)')
    launched = start_launch(f'return LaunchDescription([sleeper("one", {count!r})])', interactive=True)
    wait_for_sleepers(launched, 'one')
    os.killpg(launched.process.pid, signal.SIGINT)
    assert launched.wait() == 0
    assert 'got 1' in launched.output
    assert 'sending signal' not in launched.output
    assert 'got 2' not in launched.output


def test_second_sigint_is_ignored(start_launch: Any) -> None:
    slow = ('def handle(*_):\n    print("stopping")\n    while not os.path.exists("go on"): time.sleep(0.02)\n    sys.exit(0)\n'
            'signal.signal(signal.SIGINT, handle)')
    launched = start_launch(f"return LaunchDescription([sleeper('one', {slow!r}, sigterm_timeout='60')])")
    wait_for_sleepers(launched, 'one')
    launched.process.send_signal(signal.SIGINT)
    launched.wait_for_output('stopping')
    launched.process.send_signal(signal.SIGINT)
    launched.wait_for_output('again, ignoring')
    (launched.folder / 'go on').touch()
    assert launched.wait() == 0
    assert 'process has finished cleanly' in launched.output


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
def test_termination_stops_the_children(start_launch: Any, number: Any) -> None:
    launched = start_launch(TWO_SLEEPERS)
    pids = wait_for_sleepers(launched, 'one', 'two')
    launched.process.send_signal(number)
    assert launched.wait() == 0
    assert not any(map(is_alive, pids))
    assert f'received {number.name}' in launched.output


def test_escalation_to_sigterm_and_sigkill(start_launch: Any) -> None:
    stubborn = 'signal.signal(signal.SIGINT, signal.SIG_IGN)'
    immortal = stubborn + '; signal.signal(signal.SIGTERM, signal.SIG_IGN)'
    launched = start_launch(f'''
        return LaunchDescription([
            SetLaunchConfiguration('sigkill_timeout', '0.4'),
            sleeper('stubborn', {stubborn!r}, sigterm_timeout='0.2', sigkill_timeout='20'),
            sleeper('immortal', {immortal!r}, sigterm_timeout='0.3'),
        ])''')
    pids = wait_for_sleepers(launched, 'stubborn', 'immortal')
    launched.process.send_signal(signal.SIGINT)
    assert launched.wait() == 0
    assert not any(map(is_alive, pids))
    output = launched.output
    assert "failed to terminate '0.2' seconds after receiving 'SIGINT', escalating to 'SIGTERM'" in output
    assert "failed to terminate '0.4' seconds after receiving 'SIGTERM', escalating to 'SIGKILL'" in output
    assert 'exit code -15' in output
    assert 'exit code -9' in output
    order = [output.index(f"sending signal '{name}' to process[immortal-2]")
             for name in ('SIGINT', 'SIGTERM', 'SIGKILL')]
    assert order == sorted(order)


def test_sigquit_terminates_at_once(start_launch: Any) -> None:
    stubborn = 'signal.signal(signal.SIGINT, signal.SIG_IGN)'
    launched = start_launch(f"return LaunchDescription([sleeper('one', {stubborn!r}, sigterm_timeout='60')])")
    pids = wait_for_sleepers(launched, 'one')
    launched.process.send_signal(signal.SIGQUIT)
    launched.wait(30.0)  # less than the 60 s until SIGTERM
    assert not any(map(is_alive, pids))


GRANDCHILD = '''
    child = ('import os, subprocess, sys, time; subprocess.Popen([sys.executable, "-S", "-c", '
             '"import os, time; open(\\\\"grandchild.pid\\\\", \\\\"w\\\\").write(str(os.getpid())); time.sleep(60)"], '
             'start_new_session=True); open("child.pid", "w").write(str(os.getpid())); time.sleep(60)')
    return LaunchDescription([ExecuteProcess(cmd=python(child))])'''


def wait_for_grandchild(launched: Any) -> Any:
    wait_until(lambda: len(launched.pids()) == 2, 10.0, lambda: launched.output)
    return launched.pids()


def test_kill_of_the_launch_leaves_no_orphan(start_launch: Any) -> None:
    launched = start_launch(GRANDCHILD)
    pids = wait_for_grandchild(launched)
    launched.process.kill()
    launched.wait()
    assert_gone(pids)


def guard_of(launch_pid: int) -> int:
    """Return the process id of the guard of a launch."""
    for status in Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError):
            parent = int(status.read_text().rpartition(')')[2].split()[1])
            if parent == launch_pid and b'orphans.py' in (status.parent / 'cmdline').read_bytes():
                return int(status.parent.name)
    raise AssertionError('the launch has no guard')


def test_children_die_with_the_launch_even_without_the_guard(start_launch: Any) -> None:
    launched = start_launch(TWO_SLEEPERS)
    pids = wait_for_sleepers(launched, 'one', 'two')
    os.kill(guard_of(launched.process.pid), signal.SIGKILL)
    launched.process.kill()
    launched.wait()
    assert_gone(pids)


def test_shutdown_ends_what_children_left_behind(start_launch: Any) -> None:
    launched = start_launch(GRANDCHILD)
    child, grandchild = wait_for_grandchild(launched)
    launched.process.send_signal(signal.SIGINT)
    assert launched.wait() == 0
    assert not is_alive(child)
    assert not is_alive(grandchild)
    assert 'left behind' in launched.output


def test_failure_exit_code_reaches_the_caller(start_launch: Any) -> None:
    launched = start_launch('''
        return LaunchDescription([
            ExecuteProcess(cmd=python('raise SystemExit(7)'), on_exit=[Shutdown()]),
            sleeper('other'),
        ])''')
    assert launched.wait() == 7
    assert "process has died [pid " in launched.output
    assert "exit code 7, cmd '" in launched.output


def test_ctrl_c_while_a_failed_process_waits_for_its_respawn_ends_with_0(start_launch: Any) -> None:
    launched = start_launch('''
        return LaunchDescription([ExecuteProcess(cmd=python('raise SystemExit(7)'), respawn=True, respawn_delay=60.0)])''')
    launched.wait_for_output('exit code 7')
    launched.process.send_signal(signal.SIGINT)
    assert launched.wait() == 0


def test_missing_argument_is_one_line_and_code_1(start_launch: Any) -> None:
    launched = start_launch('''
        return LaunchDescription([DeclareLaunchArgument('robot', description='which robot')])''')
    assert launched.wait() == 1
    errors = [line for line in launched.output.splitlines() if 'ERROR' in line]
    assert len(errors) == 1
    assert "'robot'" in errors[0]
    assert 'robot:=VALUE' in errors[0]
    assert str(launched.file) in errors[0]
    assert 'Traceback' not in launched.output


def test_error_in_the_launch_file_names_file_and_line(start_launch: Any) -> None:
    launched = start_launch('return LaunchDescription([undefined_name])')
    assert launched.wait() == 1
    line = 1 + launched.file.read_text().splitlines().index('    return LaunchDescription([undefined_name])')
    assert f'{launched.file}:{line}: NameError' in launched.output
    assert 'Traceback' not in launched.output
