"""An update in bfloat16 against one in float32."""

import pytest
import torch
from family_toys import able, random_batch, shrunk, task_of
from torch import Tensor

from dreamer_learning import rssm
from dreamer_learning.agent import Agent

AGENTS = ['planet', 'dreamer_v1', 'dreamer_v2', 'dreamer_v3', 'daydreamer']


def gradients(agent: Agent, batch: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, float], Tensor]:
    """Metrics of one update, and all its gradients, flat."""
    kept: list[Tensor] = []

    def keep() -> Tensor:
        kept.extend((torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in agent.networks.parameters())
        return torch.cat(kept).norm()

    monkeypatch.setattr(agent.optimiser, 'step', keep)
    metrics = agent.train_step(batch)
    metrics.pop('latents')
    return metrics, torch.cat(kept)


@pytest.mark.parametrize('rows', [1, 10**6], ids=['imagined in half precision', 'imagined in full precision'])
@pytest.mark.parametrize('discrete', [False, True])
@pytest.mark.parametrize('name', AGENTS)
def test_half_precision_learns_the_same(name: str, discrete: bool, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if not able(name, discrete):
        return
    monkeypatch.setattr(rssm, 'HALF_PRECISION_ROWS', rows)
    config, task = shrunk(name), task_of('both', discrete)
    batch = random_batch(config, task, 0)
    full, exact = gradients(Agent(config, task), batch, monkeypatch)
    half, rounded = gradients(Agent(config, task, precision='bfloat16'), batch, monkeypatch)
    assert rounded.dtype == torch.float32
    assert not torch.equal(exact, rounded), 'nothing was computed in half precision'
    for key in ('loss/reconstruction', 'loss/reward', 'kl'):
        assert half[key] == pytest.approx(full[key], rel=0.03, abs=0.01), key
    assert torch.cosine_similarity(exact, rounded, 0) > 0.9  # a rounded probability may choose another class


def test_parameters_and_policies_stay_in_full_precision() -> None:
    config, task = shrunk('dreamer_v3'), task_of('both')
    agent = Agent(config, task, precision='bfloat16')
    agent.train_step(random_batch(config, task, 0))
    assert {value.dtype for value in agent.policy_parameters().values()} == {torch.float32}
    assert {value.dtype for value in agent.networks.parameters()} == {torch.float32}
