"""launch_testing as tests with launch_pytest use it."""

from importlib.metadata import entry_points
from operator import attrgetter

import launch_testing
import pytest
from launch_pytest.actions import ReadyToTest

pytest_plugins = 'pytester'

TEST_FILE = '''
import launch, launch_pytest, launch_testing, pytest

@pytest.fixture
def alive():
    return launch_testing.util.KeepAliveProc()

@launch_pytest.fixture
def description(alive):
    return launch.LaunchDescription([
        launch.actions.ExecuteProcess(cmd=['true']), alive, launch_testing.actions.ReadyToTest()])

@pytest.mark.launch(fixture=description)
def test_launch_stays_until_shutdown(alive, launch_context, launch_service):
    assert launch_pytest.tools.process.wait_for_start_sync(launch_context, alive, timeout=10)
    assert not launch_pytest.tools.process.wait_for_exit_sync(launch_context, alive, timeout=1)
    yield
    assert alive.return_code == 0
    assert launch_service.task.done()
'''


def test_a_launch_whose_processes_have_ended_is_kept_alive(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('ROS_LOG_DIR', str(pytester.path / 'log'))
    pytester.makepyfile(TEST_FILE)
    installed = any(point.name == 'launch_pytest' for point in entry_points(group='pytest11'))
    plugin = () if installed else ('-p', 'launch_pytest.plugin')
    result = pytester.runpytest_subprocess(*plugin, '-p', 'no:cacheprovider', timeout=60)
    result.assert_outcomes(passed=1)


def test_ready_to_test_is_that_of_launch_pytest() -> None:
    assert launch_testing.actions.ReadyToTest is ReadyToTest


@pytest.mark.parametrize('name', ['asserts', 'parametrize', 'actions.GTest', 'util.resolveProcesses'])
def test_what_is_not_covered_is_a_clear_error(name: str) -> None:
    with pytest.raises(ImportError, match=f'launch_testing.{name} is not part of the embedded launch_testing; install ROS 2'):
        attrgetter(name)(launch_testing)
