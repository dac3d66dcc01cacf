"""Included launch files: when they are loaded, and what a missing one is."""

import os
from pathlib import Path
from typing import Any

import pytest
from launch import InvalidLaunchFileError
from launch.actions import GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource, PythonLaunchDescriptionSource
from launch.launch_description_sources import get_launch_description_from_any_launch_file as load_any
from launch.launch_description_sources import get_launch_description_from_python_launch_file as load_python

HEAD = '''
import os
from launch import LaunchDescription
from launch.actions import *
from launch.substitutions import *

def generate_launch_description():
    return LaunchDescription([{}])
'''


def write(folder: Path, name: str, entities: str) -> str:
    path = folder / f'{name}.launch.py'
    path.write_text(HEAD.format(entities))
    return str(path)


def test_path_of_a_nested_include_follows_the_arguments(run_launch: Any, tmp_path: Path) -> None:
    for name in ('a1', 'go2'):
        write(tmp_path, name, f'SetLaunchConfiguration("loaded", "{name}")')
    outer = write(tmp_path, 'outer', (
        'IncludeLaunchDescription([ThisLaunchFileDir(), "/", LaunchConfiguration("robot", default="a1"), ".launch.py"]), '
        f'IncludeLaunchDescription(["{tmp_path}/", LaunchConfiguration("robot", default="a1"), ".launch.py"])'))
    include = IncludeLaunchDescription(outer, launch_arguments={'robot': 'go2'}.items())
    assert run_launch(include).configurations['loaded'] == 'go2'


def test_included_file_sees_the_environment_of_its_place(run_launch: Any, tmp_path: Path) -> None:
    inner = write(tmp_path, 'inner', 'SetLaunchConfiguration("seen", os.environ.get("LAUNCH_TEST_A", "nothing"))')
    outer = write(tmp_path, 'outer', (
        f'SetEnvironmentVariable("LAUNCH_TEST_A", "set"), IncludeLaunchDescription("{inner}")'))
    assert run_launch(IncludeLaunchDescription(outer)).configurations['seen'] == 'set'


def test_preview_is_of_the_present_and_the_description_is_loaded_once(run_launch: Any, tmp_path: Path) -> None:
    path = write(tmp_path, 'file', 'SetLaunchConfiguration("pid", str(os.getpid()))')
    source = PythonLaunchDescriptionSource(path)
    preview = source.try_get_launch_description_without_context()
    assert preview is not None
    assert preview is not source.try_get_launch_description_without_context()
    launched = run_launch(GroupAction([IncludeLaunchDescription(source)], scoped=False))
    assert launched.configurations == {'pid': str(os.getpid())}
    assert source.get_launch_description(launched.service.context) is source.try_get_launch_description_without_context()


def test_missing_file_is_an_invalid_file_and_one_that_is_not_found(run_launch: Any, capsys: Any) -> None:
    for load in (load_any, load_python):
        for error in (FileNotFoundError, InvalidLaunchFileError):
            with pytest.raises(error, match=r"^launch file 'no/such.launch.py' was not found$"):
                load('no/such.launch.py')
    for source in (AnyLaunchDescriptionSource, PythonLaunchDescriptionSource):
        assert run_launch(IncludeLaunchDescription(source('no/such.launch.py'))).code == 1
        assert "[ERROR] [launch]: launch file 'no/such.launch.py' was not found\n" in capsys.readouterr().out
