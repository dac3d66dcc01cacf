"""An update in bfloat16 against one in float32."""

import dataclasses

import pytest
import torch
from family_toys import able, fitting, random_batch, task_of, tiny
from torch import Tensor

from dreamer_learning import rssm
from dreamer_learning.agent import Agent
from dreamer_learning.config import ConfigError
from dreamer_learning.distributions import TwoHot
from dreamer_learning.heads import ScalarHead

AGENTS = ['planet', 'dreamer_v1', 'dreamer_v2', 'dreamer_v3', 'daydreamer']
PARTS = ['model.encoder', 'model.rssm.core', 'model.decoder', 'model.reward', 'behaviour.actor', 'behaviour.critic']
# Heads that begin at zero would make every return zero.
ALIVE = {'heads': {'outscale': 1.0}}


def learn(agent: Agent, batch: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Metrics of one update, and the gradients of each part, flat."""
    kept: dict[str, Tensor] = {}

    def keep() -> Tensor:
        for part in PARTS:
            own = [p.grad for name, p in agent.networks.named_parameters() if name.startswith(part)]
            found = [gradient.flatten() for gradient in own if gradient is not None]
            if found:
                kept[part] = torch.cat(found)
        return torch.cat(list(kept.values())).norm()

    monkeypatch.setattr(agent.optimiser, 'step', keep)
    metrics = agent.train_step(batch)
    metrics.pop('latents')
    return metrics, kept


@pytest.mark.parametrize('rows', [1, 10**6], ids=['imagined in half precision', 'imagined in full precision'])
@pytest.mark.parametrize('discrete', [False, True])
@pytest.mark.parametrize('name', AGENTS)
def test_half_precision_learns_the_same(name: str, discrete: bool, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if not able(name, discrete):
        return
    monkeypatch.setattr(rssm, 'HALF_PRECISION_ROWS', rows)
    config, task = tiny(name, ALIVE, fitting(name, discrete)), task_of('vector', discrete)
    batch = random_batch(config, task, 0)
    full, exact = learn(Agent(config, task), batch, monkeypatch)
    half, rounded = learn(Agent(config, task, precision='bfloat16'), batch, monkeypatch)
    for key in ('loss/reconstruction', 'loss/reward', 'kl'):
        assert half[key] == pytest.approx(full[key], rel=0.1, abs=0.01), key
    if name != 'planet':
        assert half['weight'] == pytest.approx(full['weight'], abs=2e-3)
        assert half['return'] == pytest.approx(full['return'], rel=0.1, abs=0.02)
    assert exact.keys() == rounded.keys()
    for part, gradient in exact.items():
        assert rounded[part].dtype == torch.float32
        assert not torch.equal(gradient, rounded[part]), f'{part}: nothing was computed in half precision'
        assert torch.cosine_similarity(gradient, rounded[part], 0) > 0.9, part  # a rounded probability may choose another class


def test_a_value_is_in_full_precision_where_products_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    product = torch.mv

    def as_on_cuda(matrix: Tensor, vector: Tensor) -> Tensor:
        half = torch.is_autocast_enabled('cpu')
        return product(matrix.bfloat16(), vector.bfloat16()) if half else product(matrix, vector)

    monkeypatch.setattr(torch, 'mv', as_on_cuda)
    with torch.autocast('cpu', torch.bfloat16):
        value = TwoHot(255).mean(torch.randn(4, 255))
    assert value.dtype == torch.float32


@pytest.mark.parametrize(('kind', 'fine'), [('normal', True), ('symlog', True), ('twohot', False)])
def test_a_predicted_number_is_not_rounded_to_eight_bits(kind: str, fine: bool) -> None:
    config = tiny('dreamer_v3')
    head = ScalarHead(8, 1, kind, config.networks, dataclasses.replace(config.heads, outscale=1.0))
    features = torch.linspace(0, 1, 1000).unsqueeze(-1).expand(-1, 8)
    with torch.autocast('cpu', torch.bfloat16):
        numbers = head(features)
    assert numbers.dtype == torch.float32
    assert (not torch.equal(numbers, numbers.bfloat16().float())) == fine


def test_parameters_and_policies_stay_in_full_precision() -> None:
    config, task = tiny('dreamer_v3'), task_of('both')
    agent = Agent(config, task, precision='bfloat16')
    agent.train_step(random_batch(config, task, 0))
    assert {value.dtype for value in agent.policy_parameters().values()} == {torch.float32}
    assert {value.dtype for value in agent.networks.parameters()} == {torch.float32}


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ConfigError, match="precision: 'float16' is not allowed"):
        Agent(tiny('dreamer_v3'), task_of(), precision='float16')  # type: ignore[arg-type]
