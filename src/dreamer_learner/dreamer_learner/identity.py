"""What a run is, for run.yaml, and every value that it was made with, for config.yaml."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dreamer_learner.settings import Settings
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.config import load_yaml
from dreamer_learning.run_identity import step_identity
from dreamer_learning.spaces import Task

PACKAGES = ('torch', 'numpy', 'mujoco')


def run_identity(names: Mapping[str, str], config: AgentConfig, task: Task) -> dict[str, Any]:
    """What may not change within a run: recorded steps and checkpoints would mean something else. See step_identity."""
    return {**step_identity(names, task), 'config_hash': config.hash(task)}


def every_value(
    config_dir: Path, names: Mapping[str, str], config: AgentConfig, task: Task, settings: Settings
) -> dict[str, Any]:
    """All values behind a run as plain data: agent, task, robot file, the learner's own ones, versions of packages.

    Raises:
        ConfigError: the robot's file is not valid YAML.
    """
    robot = Path(config_dir) / 'robots' / f"{names['robot']}.yaml"
    values = {
        **names,
        'agent_config': config.describe(),
        'task_config': {key: value for key, value in dataclasses.asdict(task).items() if key != 'name'},
        'robot_config': load_yaml(robot) if robot.is_file() else {},
        'seed': settings.seed,
        'train_ratio': settings.train_ratio,
        'precision': settings.precision,
        'compile': settings.compile,
        'versions': _versions(),
    }
    return yaml.safe_load(yaml.safe_dump(values))


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
