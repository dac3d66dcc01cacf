from pathlib import Path

import pytest

from dreamer_drivers.stop_marker import StopMarker, state_folder


def test_a_stop_is_there_for_the_next_process_until_it_is_cleared(tmp_path: Path) -> None:
    first = StopMarker(tmp_path / 'new' / 'state', '/a/driver')
    assert (first.present, first.error) == (False, '')
    first.set()
    second = StopMarker(tmp_path / 'new' / 'state', '/a/driver')
    assert second.present
    assert [path.name for path in second.path.parent.iterdir()] == ['a.driver.emergency_stop']
    second.clear()
    assert not second.present
    assert not StopMarker(tmp_path / 'new' / 'state', '/a/driver').present


def test_each_driver_has_its_own(tmp_path: Path) -> None:
    StopMarker(tmp_path, '/a/driver').set()
    assert not StopMarker(tmp_path, '/b/driver').present


def test_an_empty_file_counts(tmp_path: Path) -> None:
    StopMarker(tmp_path, '/driver').path.touch()
    assert StopMarker(tmp_path, '/driver').present


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    marker = StopMarker(tmp_path / 'file', '/driver')
    assert marker.error == (
        f'state_dir: an emergency stop would be forgotten at a restart: {tmp_path}/file/driver.emergency_stop: File exists'
    )
    marker.set()
    assert not marker.present
    marker.clear()
    (tmp_path / 'file').unlink()
    marker.set()
    assert (marker.present, marker.error) == (True, '')


def test_a_file_that_cannot_be_removed_is_told(tmp_path: Path) -> None:
    marker = StopMarker(tmp_path, '/driver')
    marker.path.mkdir()
    marker = StopMarker(tmp_path, '/driver')
    marker.clear()
    assert marker.present
    assert 'would be in force again after a restart' in marker.error


def test_the_folder_is_that_of_ros(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOME', '/home/somebody')
    monkeypatch.delenv('ROS_HOME', raising=False)
    assert state_folder('') == Path('/home/somebody/.ros')
    assert state_folder('~/stops') == Path('/home/somebody/stops')
    monkeypatch.setenv('ROS_HOME', '/var/ros')
    assert state_folder('') == Path('/var/ros')
    assert state_folder('/stops') == Path('/stops')
