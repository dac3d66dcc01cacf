"""Several processes train one agent: each takes a part of every batch, and all keep the same parameters.

    ./run torchrun --standalone --nproc-per-node 2 --no-python ros2 run dreamer_learner train_offline ...

Losses are means over the batch, so the mean of the processes' gradients is the gradient of the whole batch. What a loss takes
from the batch as a whole (percentiles of returns, moments of advantages, a KL below its free nats) is taken over all processes.
Each chooses its part of imagination's starts in its own windows. In a process that is alone, every function here gives back
what it is given.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, distributed

from dreamer_learning.config import ConfigError
from dreamer_learning.devices import check_device

SEED_STEP = 1_000_003
"""Between the seeds of two processes."""


class OtherFailed(RuntimeError):
    """Another process ended, or has said why it will."""


def join(device: str) -> str:
    """Find the other processes that torchrun started, if it did.

    Args:
        device: asked for; each process takes a CUDA device of its own where that is 'cuda'.

    Returns:
        the device of this process.

    Raises:
        ConfigError: the device is not there, or the others cannot be reached.
    """
    if 'TORCHELASTIC_RUN_ID' not in os.environ or os.environ['WORLD_SIZE'] == '1':
        return device
    own = f"cuda:{os.environ['LOCAL_RANK']}" if device == 'cuda' else device
    if device.startswith('cuda:'):
        raise ConfigError(f"device: '{device}': several processes take a CUDA device each; give 'cuda'")
    check_device(own)
    try:
        if own != 'cpu':
            torch.cuda.set_device(own)
        distributed.init_process_group('gloo' if own == 'cpu' else 'nccl')
    except (RuntimeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f'torchrun: the processes do not find each other: {reason}') from None
    return own


def leave() -> None:
    """The last thing that a process does with the others."""
    if _joined():
        distributed.destroy_process_group()


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def count() -> int:
    """How many processes train."""
    return distributed.get_world_size() if _joined() else 1


def rank() -> int:
    """Which of them this is, from 0; 0 writes the files and speaks."""
    return distributed.get_rank() if _joined() else 0


def memory_share() -> float:
    """Part of this machine's memory that is for this process."""
    return 1.0 / int(os.environ['LOCAL_WORLD_SIZE']) if count() > 1 else 1.0


def seed(number: int) -> int:
    """Of this process's own random numbers."""
    return number + SEED_STEP * rank()


def share(windows: int) -> int:
    """Windows of a batch for each process.

    Raises:
        ConfigError: the batch cannot be divided evenly.
    """
    if windows % count():
        raise ConfigError(f'replay.batch: {windows} windows cannot be shared evenly by {count()} processes')
    return windows // count()


def part(number: int) -> int:
    """Each process's part of a number of things, rounded up."""
    return -(-number // count())


@contextlib.contextmanager
def _together() -> Iterator[None]:
    """
    Raises:
        OtherFailed: in place of what the way of communication says.
    """
    try:
        yield
    except RuntimeError as error:
        raise OtherFailed(f'another process has ended: {str(error).splitlines()[0]}') from None


def agree(failure: Exception | None) -> None:
    """Go on only if every process can.

    Raises:
        Exception: this process's own failure.
        OtherFailed: another process has one.
    """
    failed = any_of(failure is not None)
    if failure is not None:
        raise failure
    if failed:
        raise OtherFailed('another process has failed')


@torch.no_grad()
def mean(values: Tensor) -> Tensor:
    """Of the processes' values, without gradient."""
    if count() == 1:
        return values
    total = values.detach().clone()
    with _together():
        distributed.all_reduce(total)
    return total.div_(count())


def mean_through(values: Tensor) -> Tensor:
    """The mean, with the gradient of this process's own values: averaged over the processes it is that of the mean."""
    return values if count() == 1 else values + (mean(values) - values).detach()


@torch.no_grad()
def gather(values: Tensor) -> Tensor:
    """All processes' values (of one shape), flat: (n) of every process, in the order of the processes."""
    flat = values.detach().flatten().contiguous()
    if count() == 1:
        return flat
    parts = [torch.empty_like(flat) for _ in range(count())]
    with _together():
        distributed.all_gather(parts, flat)
    return torch.cat(parts)


def any_of(flag: bool) -> bool:
    """Whether any process says so: all must leave a loop in the same round."""
    return bool(mean(torch.tensor(float(flag), device=_device())) > 0) if count() > 1 else flag


@torch.no_grad()
def mean_gradients(parameters: Iterable[Tensor]) -> None:
    """Give every process the gradient of the whole batch."""
    if count() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = mean(torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients])):
        gradient.copy_(part.view_as(gradient))


@torch.no_grad()
def follow(tensors: Iterable[Tensor]) -> None:
    """Give every process the values that process 0 has, in place."""
    if count() > 1:
        with _together():
            for tensor in tensors:
                distributed.broadcast(tensor, 0)


def _device() -> torch.device:
    cuda = distributed.get_backend() == 'nccl'
    return torch.device('cuda', torch.cuda.current_device()) if cuda else torch.device('cpu')
