"""Camera images, and the ways to draw them without a display."""

import ctypes.util
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import CONFIG_DIR, MakeSimulation

from dreamer_learning.config import ConfigError
from dreamer_mujoco.model import OVERVIEW
from dreamer_mujoco.rendering import RenderError, backends


def test_cameras_see_the_world(a1: MakeSimulation) -> None:
    simulation = a1()
    simulation.reset('stand')
    image = simulation.render('camera')
    assert image.shape == (64, 64, 3)
    assert image.dtype == np.uint8
    # Upright, the camera sees the bright sky above the darker floor.
    assert image[:16].mean() > image[-16:].mean() + 30
    simulation.reset('back')
    upside_down = simulation.render('camera')
    assert upside_down[-16:].mean() > upside_down[:16].mean() + 30
    assert simulation.render(OVERVIEW).shape == (480, 640, 3)
    with pytest.raises(ConfigError, match="no camera 'camra'; did you mean 'camera'"):
        simulation.render('camra')
    simulation.close()


def test_graphics_backend_is_the_users_or_egl_before_osmesa() -> None:
    assert backends({'MUJOCO_GL': 'osmesa'}) == ('osmesa',)
    assert backends({}) == ('egl', 'osmesa')
    with pytest.raises(RenderError, match="did you mean 'egl'"):
        backends({'MUJOCO_GL': 'elg'})


DRAW = """
import os
from pathlib import Path
from dreamer_mujoco.config import load_simulation
from dreamer_mujoco.rendering import RenderError
from dreamer_mujoco.simulation import Simulation
simulation = Simulation(*load_simulation(Path(os.environ['CONFIG_DIR']), 'a1'))
try:
    print(simulation.render('camera').std() > 10, os.environ['PYOPENGL_PLATFORM'])
except RenderError as error:
    print(error)
simulation.close()
"""


def draw(**environment: str) -> str:
    """What a process of its own says that draws one image in this environment."""
    kept = {name: value for name, value in os.environ.items() if name not in ('MUJOCO_GL', 'PYOPENGL_PLATFORM')}
    result = subprocess.run(
        [sys.executable, '-c', DRAW], env={**kept, 'CONFIG_DIR': str(CONFIG_DIR), **environment}, capture_output=True,
        text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_osmesa_draws_where_egl_fails_and_without_it_one_line_says_what_to_install() -> None:
    assert draw() == 'True egl'
    said = draw(MUJOCO_EGL_DEVICE_ID='4711')
    if ctypes.util.find_library('OSMesa'):
        assert said == 'True osmesa'
    else:
        assert len(said.splitlines()) == 1
        assert 'egl: The MUJOCO_EGL_DEVICE_ID environment variable must be an integer' in said
        # Not the refusal of a second platform in the same process: osmesa itself was tried.
        assert 'osmesa: ' in said
        assert 'Cannot use OSMesa' not in said
        assert 'apt-get install libegl1' in said
