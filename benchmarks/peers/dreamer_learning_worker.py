"""Our DreamerV3, size 1m, as a worker of update_speed.py."""

from __future__ import annotations

from pathlib import Path

from protocol import Learner, Problem, serve, trained

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.benchmark import random_batch
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec

CONFIG = Path(__file__).resolve().parents[2] / 'config'


def build(problem: Problem) -> Learner:
    config = load_agent(CONFIG, 'dreamer_v3', '1m', {'replay': {'batch': problem.batch, 'length': problem.length}})
    task = Task('none', 20.0, 0, 'none', {'state': TensorSpec((problem.observation,))}, ActionSpec(problem.action))
    agent, batch = Agent(config, task), random_batch(config, task)
    return Learner('dreamer_learning', trained(agent.networks.parameters()), lambda: agent.train_step(batch))


if __name__ == '__main__':
    serve(build)
