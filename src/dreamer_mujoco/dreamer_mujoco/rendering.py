"""Draws camera images without a display."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import mujoco
import numpy as np

from dreamer_learning.config import ConfigError, nearest
from dreamer_mujoco.config import CameraConfig
from dreamer_mujoco.model import COLLISION_GROUP, OVERVIEW

OVERVIEW_SIZE = (480, 640)  # height, width
HEADLESS = ('egl', 'osmesa')
BACKENDS = (*HEADLESS, 'glfw')
INSTALL = 'sudo apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri'


class RenderError(RuntimeError):
    """There is no way to draw on this machine. The text says what to install."""


def backends(environment: Mapping[str, str]) -> Sequence[str]:
    """Ways to draw in the order to try them: the user's MUJOCO_GL alone, else egl, then osmesa.

    Raises:
        RenderError: an unknown MUJOCO_GL.
    """
    chosen = environment.get('MUJOCO_GL', '').strip().lower()
    if chosen and chosen not in BACKENDS:
        raise RenderError(f"MUJOCO_GL='{chosen}' cannot draw camera images; {nearest(chosen, BACKENDS)}")
    return (chosen,) if chosen else HEADLESS


class CameraRenderer:
    """Renders the cameras of one model, without the costly parts: shadows, reflections, multisampling.

    Raises:
        RenderError: no graphics library, or none that gives a context.
    """

    def __init__(self, model: mujoco.MjModel, cameras: Mapping[str, CameraConfig]) -> None:
        self._model = model
        self._sizes = {name: (camera.height, camera.width) for name, camera in cameras.items()}
        self._sizes[OVERVIEW] = OVERVIEW_SIZE
        width, height = int(model.vis.global_.offwidth), int(model.vis.global_.offheight)
        self._gl = _graphics_context(width, height)
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._scene = mujoco.MjvScene(model, maxgeom=1000)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        self._option = mujoco.MjvOption()
        self._option.geomgroup[COLLISION_GROUP] = 0
        self._view = mujoco.MjvCamera()
        self._view.type = mujoco.mjtCamera.mjCAMERA_FIXED

    def render(self, data: mujoco.MjData, camera: str) -> np.ndarray:
        """The image (height, width, 3) uint8 of a camera.

        Raises:
            ConfigError: no such camera.
        """
        if camera not in self._sizes:
            raise ConfigError(f"no camera '{camera}'; {nearest(camera, self._sizes)}")
        height, width = self._sizes[camera]
        self._view.fixedcamid = self._model.camera(camera).id
        self._gl.make_current()
        mujoco.mjv_updateScene(
            self._model, data, self._option, None, self._view, mujoco.mjtCatBit.mjCAT_ALL, self._scene
        )
        viewport = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(viewport, self._scene, self._context)
        image = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(image, None, viewport, self._context)
        return np.ascontiguousarray(image[::-1])

    def close(self) -> None:
        """Release the graphics context; left to the interpreter's end it prints errors."""
        self._context.free()
        self._gl.free()


def _graphics_context(width: int, height: int) -> Any:
    """The first context that can be had, current."""
    # A software rasteriser would otherwise take every core of the machine.
    os.environ.setdefault('LP_NUM_THREADS', '1')
    failures = []
    for backend in backends(os.environ):
        before = os.environ.get('PYOPENGL_PLATFORM')
        try:
            context = importlib.import_module(f'mujoco.{backend}').GLContext(width, height)
            context.make_current()
        except Exception as error:  # every backend fails in a way of its own
            failures.append(f'{backend}: {" ".join(str(error).split()) or type(error).__name__}')
            _forget_platform(before)
            continue
        # MuJoCo's own library finds its drawing functions by this name.
        os.environ['MUJOCO_GL'] = backend
        return context
    raise RenderError(f'no way to draw camera images without a display ({"; ".join(failures)}); install one: {INSTALL}')


def _forget_platform(before: str | None) -> None:
    """Undo what a failed backend left: PyOpenGL binds itself to one platform when it is imported."""
    os.environ.pop('PYOPENGL_PLATFORM', None)
    if before is not None:
        os.environ['PYOPENGL_PLATFORM'] = before
    for name in list(sys.modules):
        if name.split('.')[0] == 'OpenGL' or name.startswith(tuple(f'mujoco.{backend}' for backend in HEADLESS)):
            del sys.modules[name]
