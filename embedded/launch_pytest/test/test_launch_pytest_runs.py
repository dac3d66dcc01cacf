"""launch_pytest as its users see it: whole pytest runs."""

import os
from importlib.metadata import entry_points
from textwrap import indent
from typing import Any

import pytest

pytest_plugins = 'pytester'

HEAD = '''
import sys
import launch, launch_pytest, pytest
from launch.actions import ExecuteProcess, TimerAction
from launch_pytest.actions import ReadyToTest
from launch_pytest.tools import process as tools

def python(code, **options):
    return ExecuteProcess(cmd=[sys.executable, '-S', '-u', '-c', code], cached_output=True, **options)

def sleeper():
    # Not Python: interrupted while it starts, that ends with 1 and not by the signal.
    return ExecuteProcess(cmd=['sh', '-c', 'echo up; echo error >&2; exec sleep 60'], cached_output=True)

{fixture_marks}
def process():
    return sleeper()

{launch_marks}
def description(process):
    return launch.LaunchDescription([process, ReadyToTest()])
'''


def head(scope: Any='function', options: Any='') -> Any:
    return HEAD.format(
        fixture_marks=f'@pytest.fixture(scope={scope!r})',
        launch_marks=f'@launch_pytest.fixture(scope={scope!r}{options})')


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a test file."""
    monkeypatch.setenv('ROS_LOG_DIR', str(pytester.path / 'log'))
    installed = any(point.name == 'launch_pytest' for point in entry_points(group='pytest11'))

    def run_file(text: Any, *arguments: Any) -> Any:
        pytester.makepyfile(text)
        plugin = () if installed else ('-p', 'launch_pytest.plugin')
        return pytester.runpytest_subprocess(
            *plugin, '-p', 'no:cacheprovider', '-v', '-W', 'error::pytest.PytestWarning', *arguments, timeout=60)

    return run_file


def test_all_kinds_of_tests_with_a_launch_of_their_own(run: Any) -> None:
    result = run(head() + '''
@pytest.mark.launch(fixture=description)
def test_plain(process, launch_context):
    assert tools.wait_for_output_sync(launch_context, process, lambda text: text == 'up\\n', timeout=10)

@pytest.mark.launch(fixture=description)
async def test_coroutine(process, launch_context):
    assert await tools.wait_for_output(launch_context, process, lambda text: text == 'up\\n', timeout=10)

@pytest.mark.launch(fixture=description)
def test_generator(process, launch_context, launch_service):
    assert tools.wait_for_start_sync(launch_context, process, timeout=10)
    assert process.return_code is None and not launch_service.task.done()
    yield
    assert process.return_code == -2 and launch_service.task.done()

@pytest.mark.launch(fixture=description)
async def test_async_generator(process, launch_context):
    assert await tools.wait_for_start(launch_context, process, timeout=10)
    assert process.return_code is None
    yield
    assert process.return_code == -2

@pytest.mark.launch(fixture=description, shutdown=True)
def test_after_shutdown(process):
    assert process.return_code == -2

@pytest.mark.launch(fixture=description, shutdown=True)
async def test_coroutine_after_shutdown(process):
    assert process.return_code == -2

class TestInClass:
    @pytest.mark.launch(fixture=description)
    async def test_method(self, process, launch_context):
        assert await tools.wait_for_start(launch_context, process, timeout=10)
''')
    result.assert_outcomes(passed=7)


FAILING = [
    'def test_it():\n    assert False',
    'async def test_it():\n    assert False',
    'def test_it():\n    assert False\n    yield',
    'def test_it():\n    yield\n    assert False',
    'async def test_it():\n    yield\n    assert False',
    'def test_it():\n    yield\n    yield',
    'def test_it():\n    if False:\n        yield',
    'async def test_it(launch_context, process):\n    await tools.assert_output(launch_context, process, fail, 0.2)',
    'def test_it(launch_context, process):\n    tools.assert_output_sync(launch_context, process, fail, 0.2)',
]


def test_failures_fail(run: Any) -> None:
    tests = [f'@pytest.mark.launch(fixture=description)\n{body.replace("test_it", f"test_{number}")}\n'
             for number, body in enumerate(FAILING)]
    result = run('\n'.join([head(), 'def fail(text):\n    assert text == "down"\n', *tests]))
    result.assert_outcomes(failed=len(FAILING))


def test_module_scope_shares_one_launch_and_orders_tests_after_shutdown(run: Any) -> None:
    result = run(head('module') + '''
pids = set()

@pytest.mark.launch(fixture=description, shutdown=True)
def test_after(process):
    assert process.return_code == -2

@pytest.mark.launch(fixture=description)
def test_generator(process, launch_context):
    assert tools.wait_for_start_sync(launch_context, process, timeout=10)
    pids.add(process.process_details['pid'])
    yield
    assert process.return_code == -2

@pytest.mark.launch(fixture=description)
async def test_async_generator(process, launch_context):
    pids.add(process.process_details['pid'])
    yield
    assert process.return_code == -2

@pytest.mark.launch(fixture=description)
async def test_before(process, launch_context):
    assert process.return_code is None
    pids.add(process.process_details['pid'])
    assert len(pids) == 1
''')
    result.assert_outcomes(passed=6)
    order = [line.split('::')[1].split()[0] for line in result.outlines if '::' in line and 'PASSED' in line]
    assert order == ['test_generator', 'test_async_generator', 'test_before', 'test_after',
                     'test_generator[shutdown_test]', 'test_async_generator[shutdown_test]']


def test_second_part_is_skipped_if_the_first_fails(run: Any) -> None:
    result = run(head('module') + '''
@pytest.mark.launch(fixture=description)
def test_generator():
    assert False
    yield
''')
    result.assert_outcomes(failed=1, skipped=1)


def test_parameters_give_a_launch_each(run: Any) -> None:
    result = run(head() + '''
@launch_pytest.fixture(scope='module', params=['a', 'b'])
def parametrized(request):
    action = python(f'print({request.param!r}); import time; time.sleep(60)')
    return launch.LaunchDescription([action, ReadyToTest()]), action, request.param

@pytest.mark.launch(fixture=parametrized)
def test_output(parametrized, launch_context):
    _, action, text = parametrized
    assert tools.wait_for_output_sync(launch_context, action, lambda output: output == text + '\\n', timeout=10)
    yield
    assert action.return_code == -2

@pytest.mark.launch(fixture=parametrized, shutdown=True)
@pytest.mark.parametrize('number', [1, 2])
def test_numbers(parametrized, number):
    assert parametrized[1].return_code == -2
''')
    result.assert_outcomes(passed=8)


def test_tools(run: Any) -> None:
    result = run(head() + '''
@pytest.fixture
def quick():
    return python('import sys; print("one"); print("two", file=sys.stderr); sys.exit(4)')

@launch_pytest.fixture
def both(process, quick):
    return launch.LaunchDescription([process, quick, ReadyToTest()])

@pytest.mark.launch(fixture=both)
def test_sync(process, quick, launch_context):
    assert tools.wait_for_exit_sync(launch_context, quick, timeout=10)
    assert tools.wait_for_start_sync(launch_context, quick, timeout=0.1)
    assert quick.return_code == 4
    assert not tools.wait_for_exit_sync(launch_context, process, timeout=0.1)
    assert not tools.wait_for_output_sync(launch_context, quick, lambda text: 'two' in text, timeout=0.1)
    assert tools.wait_for_stderr_sync(launch_context, quick, lambda text: 'two' in text, timeout=1)
    def validate(text):
        assert text == 'error\\n'
    tools.assert_stderr_sync(launch_context, process, validate, timeout=10)

@pytest.mark.launch(fixture=both)
async def test_async(process, quick, launch_context):
    assert await tools.wait_for_exit(launch_context, quick, timeout=10)
    assert not await tools.wait_for_exit(launch_context, process, timeout=0.1)
    assert await tools.wait_for_stderr(launch_context, process, lambda text: 'error' in text, timeout=10)
    with pytest.raises(AssertionError, match='nothing'):
        def validate(text):
            assert text == 'nothing', 'nothing'
        await tools.assert_stderr(launch_context, process, validate, timeout=0.1)
''')
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(('fixture', 'message'), [
    ('return launch.LaunchDescription([python("pass"), launch.actions.LogInfo(msg=launch.substitutions.'
     'LaunchConfiguration("missing")), ReadyToTest()])', "*ended before it was ready to test*'missing'*"),
    ('return launch.LaunchDescription([ReadyToTest(), ReadyToTest()])', '*only one ReadyToTest action, not 2*'),
    ('return None', '*must be either a launch description*'),
])
def test_wrong_launch_descriptions_are_errors(run: Any, fixture: Any, message: Any) -> None:
    result = run(head() + f'''
@launch_pytest.fixture
def wrong():
{indent(fixture, '    ')}

@pytest.mark.launch(fixture=wrong)
def test_it():
    pass
''')
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])


def test_ready_in_an_included_launch_file(run: Any, pytester: pytest.Pytester) -> None:
    (pytester.path / 'inner.launch.py').write_text(
        'from launch import LaunchDescription\nfrom launch_pytest.actions import ReadyToTest\n'
        'def generate_launch_description():\n    return LaunchDescription([ReadyToTest()])\n')
    result = run(head() + '''
@launch_pytest.fixture
def including(process):
    never = launch.actions.TimerAction(period=60.0, actions=[])
    return launch.LaunchDescription([process, never, launch.actions.IncludeLaunchDescription('inner.launch.py')])

@pytest.mark.launch(fixture=including)
def test_it(process, launch_context):
    assert tools.wait_for_start_sync(launch_context, process, timeout=10)
''')
    result.assert_outcomes(passed=1)


def test_start_is_that_of_the_process(run: Any) -> None:
    result = run(head() + '''
@launch_pytest.fixture
def late():
    return launch.LaunchDescription([python('pass', prefix='no_such_prefix_here'), ReadyToTest()])

@pytest.mark.launch(fixture=late)
def test_it(late, launch_context):
    assert not tools.wait_for_start_sync(launch_context, late.entities[0], timeout=0.3)
''')
    result.assert_outcomes(passed=1)


def test_error_after_ready_fails_at_the_end(run: Any) -> None:
    result = run(head() + '''
@launch_pytest.fixture
def late():
    return launch.LaunchDescription([ReadyToTest(), launch.actions.LogInfo(
        msg=launch.substitutions.LaunchConfiguration('missing'))])

@pytest.mark.launch(fixture=late)
def test_it():
    pass
''')
    result.assert_outcomes(passed=1, errors=1)


def test_launch_that_ends_by_itself(run: Any) -> None:
    result = run(head() + '''
@launch_pytest.fixture(auto_shutdown=False)
def short():
    action = python('import time; time.sleep(0.3)')
    return launch.LaunchDescription([action]), action

@pytest.mark.launch(fixture=short)
def test_it(short):
    yield
    assert short[1].return_code == 0
''')
    result.assert_outcomes(passed=1)


def test_mark_without_a_fixture_is_skipped_with_a_warning(run: Any) -> None:
    result = run(head() + '''
@pytest.mark.launch
def test_it():
    pass

def test_without_launch():
    pass
''', '-W', 'default')
    result.assert_outcomes(passed=1, skipped=1, warnings=1)


def test_ctrl_c_ends_test_and_processes(pytester: pytest.Pytester, run: Any) -> None:
    result = run(head() + '''
import os, signal, threading

@pytest.mark.launch(fixture=description)
async def test_it(process, launch_context):
    assert await tools.wait_for_output(launch_context, process, lambda text: 'up' in text, timeout=10)
    open('pid', 'w').write(str(process.process_details['pid']))
    os.kill(os.getpid(), signal.SIGINT)
    assert not await tools.wait_for_exit(launch_context, process, timeout=30)
''')
    assert result.ret == pytest.ExitCode.INTERRUPTED
    pid = int((pytester.path / 'pid').read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
