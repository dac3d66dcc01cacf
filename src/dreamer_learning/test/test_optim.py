import math

import torch

from dreamer_learning.normalise import AdvantageNormaliser, ReturnNormaliser
from dreamer_learning.optim import LaProp
from dreamer_learning.training_config import AnnealConfig, OptimiserConfig

CONFIG = OptimiserConfig(
    learning_rate=0.1, warmup=0, agc=0.3, agc_minimum=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-20)


def by_hand(value: float, gradients: list[float], rate: float) -> float:
    """LaProp with AGC on one number, step by step."""
    second = momentum = 0.0
    for k, g in enumerate(gradients, 1):
        g /= max(1.0, abs(g) / (0.3 * max(1e-3, abs(value))))
        second = 0.999 * second + 0.001 * g * g
        momentum = 0.9 * momentum + 0.1 * g / math.sqrt(second / (1 - 0.999**k))
        value -= rate * momentum / (1 - 0.9**k)
    return value


def test_three_steps_by_hand_with_a_clipped_and_an_unclipped_tensor() -> None:
    large, small = torch.nn.Parameter(torch.tensor([2.0])), torch.nn.Parameter(torch.tensor([0.5]))
    optimiser = LaProp([large, small], CONFIG)
    gradients = [(0.1, 50.0), (-0.3, 7.0), (0.2, -1.0)]
    for first, second in gradients:
        large.grad, small.grad = torch.tensor([first]), torch.tensor([second])
        optimiser.step()
    assert math.isclose(large.item(), by_hand(2.0, [g for g, _ in gradients], 0.1), rel_tol=1e-5)
    assert math.isclose(small.item(), by_hand(0.5, [g for _, g in gradients], 0.1), rel_tol=1e-5)


def test_clipping_is_per_tensor_and_relative_to_its_norm() -> None:
    parameter = torch.nn.Parameter(torch.tensor([3.0, 4.0]))  # norm 5: gradients are limited to 1.5
    optimiser = LaProp([parameter], CONFIG)
    parameter.grad = torch.tensor([30.0, 40.0])
    assert optimiser.step().item() == 50.0
    torch.testing.assert_close(optimiser.second, 0.001 * torch.tensor([0.9, 1.2]).square())


def test_warm_up_grows_linearly_from_zero() -> None:
    parameter = torch.nn.Parameter(torch.ones(3))
    optimiser = LaProp([parameter], OptimiserConfig(0.1, 4, 0.3, 1e-3, 0.9, 0.999, 1e-20))
    rates = []
    for _ in range(6):
        parameter.grad = torch.ones(3)
        optimiser.step()
        rates.append(optimiser.rate())
    torch.testing.assert_close(torch.tensor(rates), torch.tensor([0.0, 0.025, 0.05, 0.075, 0.1, 0.1]))


def test_anneal_falls_linearly_after_the_warm_up_and_stays() -> None:
    parameter = torch.nn.Parameter(torch.ones(3))
    optimiser = LaProp([parameter], OptimiserConfig(0.1, 2, 0.3, 1e-3, 0.9, 0.999, 1e-20, AnnealConfig(6, 0.2)))
    rates = []
    for _ in range(9):
        parameter.grad = torch.ones(3)
        optimiser.step()
        rates.append(optimiser.rate())
    torch.testing.assert_close(torch.tensor(rates), torch.tensor([0.0, 0.05, 0.1, 0.08, 0.06, 0.04, 0.02, 0.02, 0.02]))


def test_gradients_that_are_not_finite_change_nothing_and_stay() -> None:
    parameter = torch.nn.Parameter(torch.ones(3))
    optimiser = LaProp([parameter], CONFIG)
    parameter.grad = torch.tensor([1.0, math.nan, 1.0])
    assert not torch.isfinite(optimiser.step())
    assert parameter.tolist() == [1.0, 1.0, 1.0]
    assert optimiser.steps == 0
    assert parameter.grad is not None


def test_state_restores_the_next_step() -> None:
    ends = []
    for resumed in (False, True):
        parameter = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
        optimiser = LaProp([parameter], CONFIG)
        for k in range(4):
            if resumed and k == 2:
                state = optimiser.state_dict()
                optimiser = LaProp([parameter], CONFIG)
                optimiser.load_state_dict(state)
            parameter.grad = torch.tensor([0.1 * k, 0.2])
            optimiser.step()
        ends.append(parameter.detach().clone())
    assert torch.equal(*ends)


def test_return_scale_is_not_bias_corrected_and_at_least_the_limit() -> None:
    normaliser = ReturnNormaliser(0.01, 1.0, 5.0, 95.0)
    returns = torch.linspace(0, 1000, 1001)  # percentiles 50 and 950
    assert math.isclose(normaliser.update(returns).item(), 9.0, rel_tol=1e-5)
    assert math.isclose(normaliser.update(returns).item(), (1 - 0.99**2) * 900, rel_tol=1e-5)
    assert ReturnNormaliser(0.01, 1.0, 5.0, 95.0).update(torch.linspace(0, 1, 100)).item() == 1.0


def test_return_scale_ignores_returns_that_are_not_finite() -> None:
    normaliser = ReturnNormaliser(0.01, 1.0, 5.0, 95.0)
    before = normaliser.update(torch.linspace(0, 1000, 1001)).item()
    assert normaliser.update(torch.tensor([1.0, math.nan])).item() == before


def test_advantages_by_moving_mean_and_deviation_corrected_for_the_start() -> None:
    normaliser = AdvantageNormaliser(0.01)
    first, second = torch.tensor([1.0, 3.0]), torch.tensor([[5.0], [9.0]])
    torch.testing.assert_close(normaliser(first), torch.tensor([-1.0, 1.0]), rtol=1e-4, atol=1e-4)
    shares = 0.01 * 0.99, 0.01
    mean = (shares[0] * 2 + shares[1] * 7) / sum(shares)
    square = (shares[0] * 5 + shares[1] * 53) / sum(shares)
    expected = (second - mean) / math.sqrt(square - mean**2)
    torch.testing.assert_close(normaliser(second), expected, rtol=1e-4, atol=1e-4)
    before = normaliser.moments.clone()
    normaliser(torch.tensor([1.0, math.nan]))
    assert torch.equal(normaliser.moments, before)
