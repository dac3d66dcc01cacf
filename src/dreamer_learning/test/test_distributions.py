import math

import torch

from dreamer_learning.action_distributions import BoundedNormal, Categorical
from dreamer_learning.distributions import (
    TwoHot,
    bernoulli_loss,
    categorical_kl,
    mix_uniform,
    sample_one_hot,
    straight_through,
    symlog_mse,
)


def test_two_hot_mean_of_equal_logits_is_exactly_zero() -> None:
    assert TwoHot(255).mean(torch.zeros(7, 255)).tolist() == [0.0] * 7
    assert TwoHot(255).mean(torch.full((7, 255), 0.3)).tolist() == [0.0] * 7


def test_two_hot_bins_are_symexp_of_minus_20_to_20() -> None:
    bins = TwoHot(255).bins
    assert len(bins) == 255
    assert bins[127].item() == 0.0
    assert torch.equal(bins, -bins.flip(0))
    assert math.isclose(bins[-1].item(), math.expm1(20), rel_tol=1e-6)
    assert math.isclose(bins[128].item(), math.expm1(20 / 127), rel_tol=1e-6)


def test_two_hot_encodes_by_distance_in_raw_space() -> None:
    twohot = TwoHot(255)
    for value in (0.0, 0.05, -3.7, 1234.5, 1e12, -1e12):
        below, weight = twohot.encode(torch.tensor([value]))
        mean = twohot.bins[below] * (1 - weight) + twohot.bins[below + 1] * weight
        expected = max(min(value, twohot.bins[-1].item()), twohot.bins[0].item())
        assert math.isclose(mean.item(), expected, rel_tol=1e-5, abs_tol=1e-6)


def test_two_hot_loss_is_the_dense_cross_entropy_summed_over_targets() -> None:
    torch.manual_seed(0)
    twohot, logits = TwoHot(41), torch.randn(5, 41)
    targets = torch.tensor([[0.0, 1.0], [-4.0, 7.5], [1e10, -1e10], [0.3, 0.3], [100.0, -100.0]])
    dense = torch.zeros(5, 41)
    for row, values in enumerate(targets):
        for value in values:
            position = next((i for i in range(40) if twohot.bins[i] <= value < twohot.bins[i + 1]), None)
            if position is None:
                dense[row, 40 if value > 0 else 0] += 1
                continue
            low, high = twohot.bins[position], twohot.bins[position + 1]
            dense[row, position] += (high - value) / (high - low)
            dense[row, position + 1] += (value - low) / (high - low)
    expected = -(dense * torch.log_softmax(logits, -1)).sum(-1)
    torch.testing.assert_close(twohot.loss(logits, targets), expected)


def test_uniform_mixture_bounds_every_probability() -> None:
    probs = mix_uniform(torch.tensor([[1e4], [0.0], [0.0], [-1e4]]), 0.01)
    torch.testing.assert_close(probs, torch.tensor([[0.9925], [0.0025], [0.0025], [0.0025]]))
    two = mix_uniform(torch.tensor([[0.0, 1e4], [0.0, 0.0]]), 0.5)  # classes first: one variable per column
    torch.testing.assert_close(two, torch.tensor([[0.5, 0.75], [0.5, 0.25]]))


def test_sampling_is_one_hot_and_follows_the_probabilities() -> None:
    probs = torch.tensor([[0.2, 0.5], [0.0, 0.1], [0.7, 0.1], [0.1, 0.3]]).expand(4000, 4, 2)
    sample = sample_one_hot(probs, torch.rand(4000, 1, 2, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(sample.sum(1), torch.ones(4000, 2))
    torch.testing.assert_close(sample.mean(0), probs[0], atol=0.03, rtol=0)
    edge = sample_one_hot(torch.tensor([[0.5], [0.4999]]), torch.tensor([[0.99999]]))
    assert edge.tolist() == [[0.0], [1.0]]  # what rounding leaves belongs to the last class


def test_straight_through_gives_the_sample_forward_and_the_probabilities_backward() -> None:
    probs = torch.tensor([[0.2, 0.8]], requires_grad=True)
    sample = torch.tensor([[1.0, 0.0]])
    result = straight_through(sample, probs)
    assert torch.equal(result, sample)
    (result * torch.tensor([[3.0, 5.0]])).sum().backward()
    assert probs.grad is not None
    assert probs.grad.tolist() == [[3.0, 5.0]]


def test_categorical_kl_sums_over_variables() -> None:
    p = torch.tensor([[[0.5, 0.9], [0.5, 0.1]]])
    q = torch.tensor([[[0.25, 0.9], [0.75, 0.1]]])
    expected = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    assert math.isclose(categorical_kl(p, q).item(), expected, rel_tol=1e-5)


def test_bounded_normal_matches_the_normal_distribution_with_bounded_parameters() -> None:
    parameters = torch.tensor([[0.5, -20.0, 0.0, -1e3]])
    policy = BoundedNormal(parameters, 0.1, 1.0)
    std = 0.9 / (1 + math.exp(-2)) + 0.1
    torch.testing.assert_close(policy.mean, torch.tanh(torch.tensor([[0.5, -20.0]])))
    torch.testing.assert_close(policy.std, torch.tensor([[std, 0.1]]))
    reference = torch.distributions.Normal(policy.mean, policy.std)
    action = torch.tensor([[0.3, -0.8]])
    torch.testing.assert_close(policy.log_prob(action), reference.log_prob(action).sum(-1))
    torch.testing.assert_close(policy.entropy(), reference.entropy())


def test_categorical_policy_matches_log_softmax() -> None:
    logits = torch.tensor([[0.1, 1.0, -2.0]])
    policy = Categorical(logits)
    reference = torch.distributions.Categorical(logits=logits)
    assert policy.mode().tolist() == [[0.0, 1.0, 0.0]]
    torch.testing.assert_close(policy.log_prob(torch.tensor([[0.0, 0.0, 1.0]])), reference.log_prob(torch.tensor([2])))
    torch.testing.assert_close(policy.entropy(), reference.entropy().unsqueeze(-1))


def test_losses_by_hand() -> None:
    loss = symlog_mse(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.e - 1]]))
    assert math.isclose(loss.item(), 2.0, rel_tol=1e-6)  # no factor 1/2
    assert math.isclose(bernoulli_loss(torch.tensor(0.0), torch.tensor(0.7)).item(), math.log(2), rel_tol=1e-6)
