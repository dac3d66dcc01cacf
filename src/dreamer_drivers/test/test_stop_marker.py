from pathlib import Path

import pytest
from driver_world import forbid_to_look

from dreamer_drivers.stop_marker import StopMarker, marker_name, state_folder


def marker(folder: Path) -> StopMarker:
    return StopMarker(folder / 'robot.emergency_stop', '/driver')


def test_a_stop_is_there_for_the_next_process_until_it_is_cleared(tmp_path: Path) -> None:
    folder = tmp_path / 'new' / 'state'
    first = marker(folder)
    assert (first.present, first.error) == (False, '')
    first.set()
    second = marker(folder)
    assert second.present
    assert list(folder.iterdir()) == [second.path]
    second.clear()
    assert not second.present
    assert not marker(folder).present


def test_each_driver_has_its_own() -> None:
    assert marker_name('/a/driver', 7, 'simulation', 'a1') == 'domain_7.a.driver.simulation.a1.emergency_stop'
    names = {
        marker_name(*parts) for parts in [
            ('/a/driver', 7, 'simulation', 'a1'), ('/b/driver', 7, 'simulation', 'a1'), ('/a/driver', 8, 'simulation', 'a1'),
            ('/a/driver', 7, 'unitree', 'a1'), ('/a/driver', 7, 'simulation', 'go/1'),
        ]
    }
    assert len(names) == 5
    assert not any('/' in name for name in names)


def test_an_empty_file_counts(tmp_path: Path) -> None:
    marker(tmp_path).path.touch()
    assert marker(tmp_path).present


def test_a_file_that_vanished_is_written_again(tmp_path: Path) -> None:
    stop = marker(tmp_path)
    stop.set()
    stop.path.unlink()
    stop.set()
    assert stop.path.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    stop = marker(tmp_path / 'file')
    assert stop.error == (
        f'state_dir: an emergency stop would be forgotten at a restart: {tmp_path}/file/robot.emergency_stop: File exists'
    )
    stop.set()
    assert not stop.present
    stop.clear()
    (tmp_path / 'file').unlink()
    stop.set()
    assert (stop.present, stop.error) == (True, '')


def test_a_file_that_cannot_be_looked_for_counts_as_present(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        forbid_to_look(patch, tmp_path)
        stop = marker(tmp_path)
    assert stop.present
    assert stop.error == (
        f'state_dir: an emergency stop from before the start cannot be ruled out: {stop.path}: Permission denied'
    )


def test_a_stop_of_now_whose_file_cannot_be_looked_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = marker(tmp_path)
    with monkeypatch.context() as patch:
        forbid_to_look(patch, tmp_path)
        stop.set()
    assert stop.error == f'state_dir: an emergency stop may not be on disk: {stop.path}: Permission denied'


def test_a_file_that_cannot_be_removed_is_told(tmp_path: Path) -> None:
    marker(tmp_path).path.mkdir()
    stop = marker(tmp_path)
    stop.clear()
    assert stop.present
    assert 'would be in force again after a restart' in stop.error


def test_the_folder_is_that_of_ros(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOME', '/home/somebody')
    monkeypatch.delenv('ROS_HOME', raising=False)
    assert state_folder('') == Path('/home/somebody/.ros')
    assert state_folder('~/stops') == Path('/home/somebody/stops')
    monkeypatch.setenv('ROS_HOME', '/var/ros')
    assert state_folder('') == Path('/var/ros')
    assert state_folder('/stops') == Path('/stops')
