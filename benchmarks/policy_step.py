"""Milliseconds of one step of a policy on one thread: NumPy, PyTorch and onnxruntime in turns.

    ./run python benchmarks/policy_step.py
    ./run python benchmarks/policy_step.py --size 25m --task a1_walk_camera
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import torch
from common import number

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig, load_agent
from dreamer_learning.array_networks import ArrayNetworks
from dreamer_learning.benchmark import step_times
from dreamer_learning.config import ConfigError
from dreamer_learning.export import Origin, export_policy
from dreamer_learning.onnx_policy import OnnxPolicy
from dreamer_learning.policy import Policy
from dreamer_learning.spaces import Task, load_task

CONFIG = Path(__file__).resolve().parents[1] / 'config'
SHOWN = (('cpu', 'a1_walk'), ('1m', 'a1_walk'), ('12m', 'a1_walk_camera'))
"""Size and task without options."""


def measure(config: AgentConfig, task: Task, rounds: int, steps: int) -> dict[str, list[float]]:
    """Name of what computes -> milliseconds of each step; they take turns, so that a busy moment meets all of them."""
    parameters = Agent(config, task).policy_parameters()
    policies = {'PyTorch': Policy(config, task, arrays=False)}
    if ArrayNetworks.fit(config, task):
        policies = {'NumPy': Policy(config, task), **policies}
    for policy in policies.values():
        policy.load(parameters)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'policy.onnx'
        export_policy(config, task, parameters, Origin('', 0, 0, 1), path)
        everyone = {**policies, 'onnxruntime': OnnxPolicy(path)}
    times: dict[str, list[float]] = {name: [] for name in everyone}
    for _ in range(rounds):
        for name, member in everyone.items():
            times[name] += step_times(member, steps)
    return times


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--agent', default='dreamer_v3', help='name of config/agents/<agent>.yaml')
    parser.add_argument('--size', default='', help='size block of the agent; without size and task three of dreamer_v3')
    parser.add_argument('--task', default='', help='name of config/tasks/<task>.yaml')
    parser.add_argument('--rounds', type=number(1), default=5)
    parser.add_argument('--steps', type=number(1), default=400, help='steps of each in a round')
    return parser.parse_args()


def show(arguments: argparse.Namespace) -> None:
    """A line for each of what computes, for each size.

    Raises:
        ConfigError: unknown agent, size or task, or an agent that cannot be exported.
    """
    chosen = (arguments.size or SHOWN[0][0], arguments.task or SHOWN[0][1])
    shown = [chosen] if arguments.size or arguments.task else SHOWN
    problems = [(size, name, load_agent(CONFIG, arguments.agent, size), load_task(CONFIG, name)) for size, name in shown]
    for size, name, config, task in problems:
        times = measure(config, task, arguments.rounds, arguments.steps)
        for runtime, values in times.items():
            p99 = sorted(values)[int(0.99 * len(values))]
            print(f'{arguments.agent} {size:4} {name:15} {runtime:12} p50 {statistics.median(values):7.3f} ms  p99 {p99:7.3f} ms',
                  flush=True)


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    try:
        show(arguments)
    except (ConfigError, OSError) as error:
        raise SystemExit(f'error: {error}') from None
    except KeyboardInterrupt:
        raise SystemExit('interrupted') from None


if __name__ == '__main__':
    main()
