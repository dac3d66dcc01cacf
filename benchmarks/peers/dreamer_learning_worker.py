"""Our DreamerV3 as a worker of update_speed.py."""

from __future__ import annotations

from pathlib import Path

import torch
from protocol import Learner, Problem, serve, trained

from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.benchmark import random_batch
from dreamer_learning.devices import keep_freed_memory
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec, load_task

CONFIG = Path(__file__).resolve().parents[2] / 'config'


def build(problem: Problem) -> Learner:
    if problem.task:
        config, task = load_agent(CONFIG, 'dreamer_v3', problem.size), load_task(CONFIG, problem.task)
    else:
        config = load_agent(CONFIG, 'dreamer_v3', problem.size, {'replay': {'batch': problem.batch, 'length': problem.length}})
        seen = {'state': TensorSpec((problem.observation,))} if problem.observation else {}
        if problem.image:
            seen['image'] = TensorSpec((problem.image, problem.image, 3), 'uint8')
        task = Task('none', 20.0, 0, 'none', seen, ActionSpec(problem.action, problem.discrete))
    keep_freed_memory()
    agent, batch = Agent(config, task, precision=problem.precision), random_batch(config, task)
    if problem.compile:
        agent.compile()
    return Learner('dreamer_learning', trained(agent.networks.parameters()), lambda: agent.train_step(batch),
                   getattr(torch, problem.precision))


if __name__ == '__main__':
    serve(build)
