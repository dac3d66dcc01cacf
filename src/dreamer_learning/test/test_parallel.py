"""Two processes with half of a batch each, against one with the whole of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from parallel_worker import CASES, FREE
from torch import Tensor

WORKER = Path(__file__).with_name('parallel_worker.py')
KEPT = ('range', 'moments', 'reward', 'scale')
"""Buffers of running averages."""

Results = dict[str, tuple[dict[str, Tensor], dict[str, Tensor]]]


@pytest.fixture(scope='module')
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Results]:
    """Of one process and of two."""
    folder = tmp_path_factory.mktemp('parallel')
    torchrun = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2', str(WORKER), str(folder)]
    for command in ([sys.executable, str(WORKER), str(folder)], torchrun):
        done = subprocess.run(
            command, env={**os.environ, 'OMP_NUM_THREADS': '1'}, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr
    one, two = (torch.load(folder / f'{count}.pt', weights_only=True) for count in (1, 2))
    return one, two


@pytest.mark.parametrize('case', CASES)
def test_gradients_are_those_of_the_whole_batch(results: tuple[Results, Results], case: str) -> None:
    (alone, _), (shared, _) = (result[case] for result in results)
    assert alone.keys() == shared.keys()
    for name, gradient in alone.items():
        largest = float(gradient.abs().max())
        assert largest > 0, name
        torch.testing.assert_close(shared[name], gradient, rtol=0.0, atol=1e-5 * largest, msg=name)


@pytest.mark.parametrize('agent', FREE)
def test_the_free_nats_lie_between_the_parts(results: tuple[Results, Results], agent: str) -> None:
    kept = results[0][f'{agent}, free nats'][1]
    low, high = sorted(float(kept[f'part/{part}']) for part in range(2))
    assert low < FREE[agent] < high
    assert kept['metric/kl'] > FREE[agent]


@pytest.mark.parametrize('case', CASES)
def test_what_is_taken_from_the_whole_batch_is(results: tuple[Results, Results], case: str) -> None:
    (_, alone), (_, shared) = (result[case] for result in results)
    # Of the deviation of advantages, the mean over processes is reported.
    kept = [name for name in alone if (name.startswith('metric/') or name.rpartition('.')[2] in KEPT)
            and name != 'metric/advantage/std']
    assert len(kept) > 10
    for name in kept:
        torch.testing.assert_close(shared[name], alone[name], rtol=1e-3, atol=1e-4, msg=name)
