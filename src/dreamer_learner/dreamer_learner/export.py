"""Writes a run's policy as one ONNX file, with which a robot acts without PyTorch."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rclpy.utilities import remove_ros_args

from dreamer_learner.rundir import RUN
from dreamer_learner.saving import fitting
from dreamer_learning import checkpoint
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig, block_names, load_agent
from dreamer_learning.config import ConfigError, load_yaml
from dreamer_learning.export import Origin, export_policy, largest_difference
from dreamer_learning.onnx_policy import OnnxPolicy
from dreamer_learning.policy import Policy
from dreamer_learning.spaces import Task, load_task
from dreamer_node.runtime import shipped_config

COMPARED_STEPS = 20
LARGEST_DIFFERENCE = 1e-4
"""Between the file and PyTorch, in actions and state."""


class ExportFailed(RuntimeError):
    """The file does not do what PyTorch does."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog='export', description=__doc__,
        epilog='Example: ros2 run dreamer_learner export --run-dir runs/monday; then: ros2 launch dreamer_bringup '
        'robot.launch.py learner:=false mode:=eval runtime:=onnx policy_file:=runs/monday/policy.onnx')
    parser.add_argument('--run-dir', required=True, type=Path, help='run whose policy is written; agent and task are its own')
    parser.add_argument('--output', type=Path, default=None, help='file to write; without it policy.onnx in the run directory')
    parser.add_argument('--checkpoint', type=Path, default=None, help='checkpoint to take; without it the newest of the run')
    parser.add_argument('--config-dir', type=Path, default=None, help='folder with robots/, tasks/ and agents/')
    return parser.parse_args(arguments)


def export(arguments: argparse.Namespace) -> str:
    """Write the file and compare it with PyTorch; returns a line that says what it is.

    Raises:
        ConfigError: what was asked for cannot work.
        ExportFailed: the file was written, but acts otherwise; it is removed.
        OSError: the file cannot be written.
    """
    names, config, task = of_run(arguments.run_dir, arguments.config_dir or shipped_config())
    output = (arguments.output or arguments.run_dir / 'policy.onnx').expanduser()
    if output.is_dir():
        raise ConfigError(f'--output: {output} is a folder; give the name of a file')
    output.parent.mkdir(parents=True, exist_ok=True)
    source, payload = read_checkpoint(arguments.run_dir, arguments.checkpoint)
    agent = Agent(config, task)
    with fitting(source):
        agent.load_state_dict(payload['agent'])
    origin = Origin(names['task'], agent.updates, int(payload.get('experience', {}).get('env_steps', 0)),
                    int(payload.get('weights_version', 0)) or agent.updates)
    parameters = agent.policy_parameters()
    export_policy(config, task, parameters, origin, output)
    policy = Policy(config, task)
    policy.load(parameters)
    difference = compare(policy, OnnxPolicy(output))
    if not difference <= LARGEST_DIFFERENCE:
        output.unlink()
        raise ExportFailed(f'{output}: actions or state differ from those of PyTorch by {difference:.2g}, '
                           f'at most {LARGEST_DIFFERENCE:.0e} is allowed; removed')
    return (f'{output}: {" ".join(config.names().values())}, task {names["task"]}, {agent.updates:,} updates, '
            f'{output.stat().st_size / 1e6:.1f} MB; largest difference to PyTorch in {COMPARED_STEPS} steps {difference:.1e}')


def compare(policy: Policy, written: OnnxPolicy) -> float:
    """The largest difference between them in a sequence of random steps.

    A random number on the border between two classes is rounded to either, and all that follows differs; hardly in three
    sequences, of which the best counts.
    """
    best = math.inf
    for seed in range(3):
        best = min(best, largest_difference(policy, written, COMPARED_STEPS, seed))
        if best <= LARGEST_DIFFERENCE:
            break
    return best


def of_run(run_dir: Path, config_dir: Path) -> tuple[dict[str, str], AgentConfig, Task]:
    """Names, agent and task of a run.

    Raises:
        ConfigError: not the folder of a run, or the configuration files are no longer those of the run.
    """
    path = run_dir / RUN
    if not path.is_file():
        raise ConfigError(f'--run-dir: {run_dir} is not the folder of a run: it has no {RUN}')
    content = load_yaml(path)
    for name in ('agent', 'size', 'task'):
        if not isinstance(content.get(name), str):
            raise ConfigError(f"{path}: key '{name}' is missing")
    names = {name: content[name] for name in ('agent', 'size', 'task')}
    config = load_agent(config_dir, names['agent'], names['size'], blocks=block_names(str(content.get('blocks', ''))))
    task = load_task(config_dir, names['task'])
    now, before = config.hash(task), content.get('config_hash')
    if before not in (None, now):
        raise ConfigError(f'{path}: config_hash: {before} there, {now} here: agent, task or robot in {config_dir} are no longer '
                          f'those of the run, whose values are in {run_dir / "config.yaml"}')
    return names, config, task


def read_checkpoint(run_dir: Path, path: Path | None) -> tuple[Path, Mapping[str, Any]]:
    """A checkpoint's path and content.

    Args:
        path: None = the newest intact one of the run.

    Raises:
        ConfigError: there is none, or it cannot be read.
    """
    try:
        if path is not None:
            return path, checkpoint.load(path)
        loaded = checkpoint.load_latest(run_dir / 'checkpoints')
    except checkpoint.CheckpointError as error:
        raise ConfigError(str(error)) from None
    if loaded is None:
        raise ConfigError(f'--run-dir: {run_dir} has no checkpoint yet')
    for warning in loaded.warnings:
        print(warning, file=sys.stderr)
    return loaded.path, loaded.payload


def main() -> int:
    """Run the executable `export`; returns the exit code."""
    arguments = parse(remove_ros_args(sys.argv)[1:])
    try:
        print(export(arguments), flush=True)
    except ConfigError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except ExportFailed as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except OSError as error:
        print(f'error: {error.filename or arguments.run_dir}: {error.strerror or error}', file=sys.stderr)
        return 1
    return 0
