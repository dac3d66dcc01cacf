import math

import numpy as np
import pytest
import torch
from family_toys import task_of, tiny
from torch.nn import functional

from dreamer_learning.agent import Agent
from dreamer_learning.networks import MLP, NORM_EPSILON, BlockLinear, Linear, SplitLinear, norm_silu, symexp, symlog


def test_symlog_and_symexp_are_inverse_and_odd() -> None:
    x = torch.tensor([-1e4, -3.0, -1e-3, 0.0, 1e-3, 3.0, 1e4])
    torch.testing.assert_close(symexp(symlog(x)), x, rtol=1e-5, atol=1e-7)
    assert symlog(torch.tensor(math.e - 1)).item() == torch.tensor(1.0).item()
    assert torch.equal(symlog(-x), -symlog(x))


def test_linear_starts_with_fan_in_variance_and_zero_bias() -> None:
    torch.manual_seed(0)
    layer = Linear(400, 300)
    assert abs(layer.weight.std().item() * math.sqrt(400) - 1) < 0.02
    assert layer.weight.abs().max().item() <= 2 * 1.1368 / math.sqrt(400)
    assert not layer.bias.any()
    assert not Linear(4, 3, scale=0.0).weight.any()


def test_block_linear_is_a_block_diagonal_matrix() -> None:
    torch.manual_seed(0)
    layer = BlockLinear(6, 4, 2)
    with torch.no_grad():
        layer.bias.copy_(torch.arange(4.0))
    x = torch.randn(2, 3, 6)
    matrix = torch.block_diag(*layer.weight)
    torch.testing.assert_close(layer(x), x @ matrix + layer.bias)


def test_split_linear_is_its_layers_side_by_side() -> None:
    torch.manual_seed(0)
    split, x = SplitLinear(6, (2, 3)), torch.randn(4, 5, 6)
    for parameter in split.parameters():
        torch.nn.init.normal_(parameter)
    torch.testing.assert_close(split(x), torch.cat([layer(x) for layer in split.layers], -1))
    split(x).sum().backward()
    assert [p.grad is not None and p.grad.any().item() for p in split.parameters()] == [True] * 4


def test_norm_silu_value_and_gradient_match_the_formula() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 2, 7, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 7, dtype=torch.float64, requires_grad=True)

    def formula(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return functional.silu(x / torch.sqrt(x.square().mean(-1, keepdim=True) + NORM_EPSILON) * weight)

    torch.testing.assert_close(norm_silu(x, weight), formula(x, weight))
    with torch.no_grad():
        torch.testing.assert_close(norm_silu(x, weight), formula(x, weight))
    assert torch.autograd.gradcheck(norm_silu, (x, weight))


def test_mlp_without_output_layer_ends_in_its_activation() -> None:
    mlp = MLP(5, 8, 2)
    assert mlp(torch.zeros(4, 5)).shape == (4, 8)
    assert MLP(5, 8, 2, 3)(torch.zeros(4, 5)).shape == (4, 3)


@pytest.mark.parametrize('norm', ['none', 'layer'])
def test_the_cell_without_layer_norm_keeps_reset_and_update_bias(norm: str) -> None:
    cell = Agent(tiny('dreamer_v2', {'networks': {'norm': norm}}, ['no_layer_norm']), task_of()).model.rssm.core.cell
    torch.manual_seed(0)
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    inputs, state = torch.randn(4, 12), torch.randn(4, 16)
    weights = {name: parameter.detach().double().numpy() for name, parameter in cell.named_parameters()}
    assert {name: value.shape for name, value in weights.items()} == {'gates.weight': (48, 28), 'gates.bias': (48,)}
    x, h = inputs.double().numpy(), state.double().numpy()
    y = x @ weights['gates.weight'][:, :12].T + h @ weights['gates.weight'][:, 12:].T + weights['gates.bias']
    candidate = np.tanh(y[:, 16:32] / (1 + np.exp(-y[:, :16])))
    update = 1 / (1 + np.exp(1 - y[:, 32:]))
    expected = torch.from_numpy(h + update * (candidate - h)).float()
    torch.testing.assert_close(cell(inputs, state), expected, rtol=1e-5, atol=1e-5)
