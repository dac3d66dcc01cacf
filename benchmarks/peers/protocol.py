"""A worker process of update_speed.py: builds one learner, then runs updates on request and says how long each took.

    parent -> worker   argument 1: the Problem as JSON
    worker -> parent   {"title": ..., "parameters": n, "flop": n, "ceiling": x}     after the warm-up; per update, per second
    parent -> worker   {"updates": n}                           any number of times; end of file ends the worker
    worker -> parent   {"wall": [...], "cpu": [...], "peak": n} seconds of each update, by the clock and of processor time;
                                                                most bytes of memory that the process had so far

One JSON object per line. What a library prints goes to standard error, so that it cannot break the protocol.
Runs in the peers' environments: only the standard library and torch.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

CEILING_SIZE, CEILING_TRIES = 1024, 20
WARM_UP = 3  # updates: allocator, lazily built state; the learning rate of a first update may be zero


@dataclasses.dataclass(frozen=True)
class Problem:
    """What every worker is asked to do.

    Attributes:
        observation, action: sizes of the observation and action vectors; observation 0 = none.
        image: height and width of an image of three colours; 0 = none.
        discrete: whether `action` is a number of choices.
        size: size block of our agent, which the peers' layers are made to match.
        task: a task of config/tasks, with batch and length of the agent, in place of all of these; '' = none.
        batch, length: windows per update, steps per window.
        threads: of torch.
        compile: whether ours is compiled, see Agent.
        precision: of matrix products; TorchRL's worker knows float32 only.
        flush_denormals: whether the processor takes numbers below 1e-38 for zero, for workers that do not do so themselves.
    """

    observation: int
    action: int
    image: int
    discrete: bool
    size: str
    task: str
    batch: int
    length: int
    threads: int
    flush_denormals: bool
    compile: bool
    precision: Literal['float32', 'bfloat16']


@dataclasses.dataclass(frozen=True)
class Learner:
    """One implementation, ready to learn.

    Attributes:
        title: name and version, and what its settings differ in.
        parameters: all trained tensors.
        update: one complete update on one batch of random data.
        precision: of its matrix products.
    """

    title: str
    parameters: list[Tensor]
    update: Callable[[], object]
    precision: torch.dtype = torch.float32


def trained(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The tensors that are trained, each once."""
    return list({id(p): p for p in parameters if p.requires_grad}.values())


def serve(build: Callable[[Problem], Learner]) -> None:
    """Run the protocol until the parent closes standard input."""
    answers = os.fdopen(os.dup(1), 'w', buffering=1)
    os.dup2(2, 1)
    problem = Problem(**json.loads(sys.argv[1]))
    torch.set_num_threads(problem.threads)
    torch.manual_seed(0)
    if problem.flush_denormals:
        torch.set_flush_denormal(True)
    learner = build(problem)
    warm_up(learner)
    count = sum(p.numel() for p in learner.parameters)
    numbers = {'parameters': count, 'flop': flop(learner.update), 'ceiling': ceiling(learner.precision)}
    print(json.dumps({'title': learner.title, **numbers}), file=answers)
    for line in sys.stdin:
        answer = timed(learner.update, json.loads(line)['updates'])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
        print(json.dumps({**answer, 'peak': peak}), file=answers)


def warm_up(learner: Learner) -> None:
    """The first updates, with a check that they learn: otherwise the time would be that of something else."""
    before = [p.detach().clone() for p in learner.parameters]
    for _ in range(WARM_UP):
        learner.update()
    still = sum(torch.equal(p, old) for p, old in zip(learner.parameters, before))
    if still:
        raise SystemExit(f'{learner.title}: {still} of {len(before)} parameter tensors did not change in {WARM_UP} updates')
    if not all(p.isfinite().all() for p in learner.parameters):
        raise SystemExit(f'{learner.title}: parameters are not finite after {WARM_UP} updates')


class FlopCounter(TorchDispatchMode):
    """Adds up the floating-point operations of matrix products and convolutions.

    torch's own FlopCounterMode also follows modules, which TorchRL's are not made for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = operation(*args, **kwargs)
        formula = flop_registry.get(operation._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **kwargs, out_val=result)
        return result


def flop(update: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products and convolutions of one update."""
    with torch.compiler.set_stance('force_eager'), FlopCounter() as counter:  # graphs would be made again to be counted
        update()
    return counter.total


def ceiling(precision: torch.dtype) -> float:
    """Floating-point operations per second of a large matrix product: the best of a few."""
    a, b = torch.randn(2, CEILING_SIZE, CEILING_SIZE, dtype=precision).unbind()
    best = float('inf')
    for _ in range(CEILING_TRIES):
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2 * CEILING_SIZE**3 / best


def timed(update: Callable[[], object], count: int) -> dict[str, list[float]]:
    """Seconds of each update. Processor time, summed over threads, leaves out what other programs took meanwhile."""
    wall, cpu = [], []
    for _ in range(count):
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        update()
        wall.append(time.perf_counter() - wall_start)
        cpu.append(time.process_time() - cpu_start)
    return {'wall': wall, 'cpu': cpu}
