"""Tasks of dm_control as an agent sees them, and dm_control itself.

dm_control is installed on first use into a folder of its own, without what it depends on that our environment has already: MuJoCo
stays the version of constraints.txt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from dreamer_learning.config import ConfigError, nearest
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec

Inputs = Literal['vector', 'image']
# What the control suite needs beside our environment; this dm_control goes with MuJoCo 3.17.
REQUIREMENTS = ('dm_control==1.0.50', 'dm-env==1.6', 'lxml==6.1.3', 'scipy==1.17.1')
IMAGE = (64, 64, 3)
# The camera of which the papers' agents see images, where it is not the first.
CAMERAS = {'quadruped': 2}
ENDLESS = ('lqr',)  # without a time limit


class Seen(NamedTuple):
    """One step as the agent gets it: observation tensors (...), the reward of the steps that led here, and flags."""

    obs: dict[str, np.ndarray]
    reward: float
    is_first: bool
    is_last: bool
    is_terminal: bool


class Environment(Protocol):
    """What an agent learns in.

    Attributes:
        task: observation and action as the agent sees them.
        steps: environment steps until now; resets do not count.
    """

    task: Task
    steps: int

    def reset(self) -> Seen:
        """Begin an episode."""

    def step(self, action: np.ndarray) -> Seen:
        """Take an action: (A) in [-1, 1], or the number of a choice."""


class ControlTask:
    """A dm_control environment in which each action is repeated.

    Args:
        environment: with the interface of dm_env.Environment, `control_timestep()` and, for images, `physics`.
        inputs: 'vector', every array of the observation under its name; 'image', 64 x 64 pixels.
        repeat: environment steps per action; an episode that ends on the way cuts them short.
        camera: number of the camera that gives images.

    Attributes: see Environment; actions are in [-1, 1].
    """

    def __init__(self, environment: Any, inputs: Inputs, repeat: int, camera: int = 0) -> None:
        self._environment, self._inputs, self._repeat, self._camera = environment, inputs, repeat, camera
        bounds = environment.action_spec()
        self._low, self._high = (np.broadcast_to(bound, bounds.shape) for bound in (bounds.minimum, bounds.maximum))
        if inputs == 'image':
            observation = {'image': TensorSpec(IMAGE, 'uint8')}
        else:
            observation = {name: TensorSpec(spec.shape or (1,)) for name, spec in environment.observation_spec().items()}
        self.task = Task(
            robot='', control_rate=1.0 / (environment.control_timestep() * repeat), episode_length=0, reward='',
            observation=observation, action=ActionSpec(bounds.shape[0]))
        self.steps = 0

    def reset(self) -> Seen:
        """Begin an episode."""
        return self._seen(self._environment.reset(), 0.0)

    def step(self, action: np.ndarray) -> Seen:
        """Take an action (A) in [-1, 1] `repeat` times; their rewards add up."""
        scaled = self._low + (np.asarray(action, np.float64) + 1.0) / 2.0 * (self._high - self._low)
        reward = 0.0
        for _ in range(self._repeat):
            step = self._environment.step(scaled)
            self.steps += 1
            reward += step.reward or 0.0
            if step.last():
                break
        return self._seen(step, reward)

    def _seen(self, step: Any, reward: float) -> Seen:
        if self._inputs == 'image':
            obs = {'image': np.array(self._environment.physics.render(*IMAGE[:2], camera_id=self._camera))}
        else:
            obs = {name: np.asarray(value, np.float32).reshape(self.task.observation[name].shape)
                   for name, value in step.observation.items()}
        # A time limit ends an episode with the discount it had before; a true end with 0.
        return Seen(obs, reward, step.first(), step.last(), step.last() and step.discount == 0.0)


def load(name: str, inputs: Inputs, repeat: int, folder: Path, seed: int) -> ControlTask:
    """A task of the control suite by the name <domain>_<task>, for example cartpole_swingup.

    Args:
        folder: where dm_control is, or is to be installed.
        seed: of how its episodes begin.

    Raises:
        ConfigError: unknown task, dm_control cannot be installed, or nothing can draw images on this machine.
    """
    suite = _suite(install(folder), inputs)
    names = {f'{domain}_{task}': (domain, task) for domain, task in suite.ALL_TASKS if domain not in ENDLESS}
    if name not in names:
        raise ConfigError(f"--task '{name}': {nearest(name, names)}")
    domain, task = names[name]
    return ControlTask(suite.load(domain, task, task_kwargs={'random': seed}), inputs, repeat, CAMERAS.get(domain, 0))


def install(folder: Path) -> Path:
    """The folder that holds dm_control, filled now if it is not there. Its name holds the version; it is whole or missing.

    Raises:
        ConfigError: pip could not install into it.
    """
    home = folder / f'{REQUIREMENTS[0].replace("==", "-")}-python{sys.version_info.major}.{sys.version_info.minor}'
    if home.is_dir():
        return home
    print(f'installing {" ".join(REQUIREMENTS)} into {home} ...', flush=True)
    partial, log = folder / f'.{home.name}.{os.getpid()}', folder / 'install.log'
    pip = [sys.executable, '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--no-deps']
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with log.open('w') as output:
            subprocess.run([*pip, '--target', str(partial), *REQUIREMENTS], check=True, stdin=subprocess.DEVNULL, stdout=output,
                           stderr=output)
        if not home.is_dir():  # meanwhile another process may have made it
            partial.rename(home)
    except OSError as error:
        raise ConfigError(f'--env-dir {folder}: {error}') from None
    except subprocess.CalledProcessError:
        lines = log.read_text(errors='replace').splitlines()[-15:]
        raise ConfigError('\n'.join([f'pip failed; the whole output is in {log}', *(f'  | {line}' for line in lines)])) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return home


def _suite(home: Path, inputs: Inputs) -> Any:
    """The module dm_control.suite."""
    # Behind our environment on the path, so that what is in both is ours.
    if str(home) not in sys.path:
        sys.path.append(str(home))
    # It looks for a way to draw when it is imported: none is needed for vectors. One thread for drawing without a GPU.
    os.environ.setdefault('LP_NUM_THREADS', '1')
    if inputs == 'image':
        os.environ.setdefault('MUJOCO_GL', 'egl')
    else:
        os.environ['MUJOCO_GL'] = 'disabled'
    try:
        from dm_control import suite
    except Exception as error:  # a graphics library fails in a way of its own
        raise ConfigError(f'dm_control in {home} cannot be loaded (MUJOCO_GL={os.environ["MUJOCO_GL"]}; osmesa is another way to '
                          f'draw without a display): {" ".join(str(error).split())}') from None
    return suite
