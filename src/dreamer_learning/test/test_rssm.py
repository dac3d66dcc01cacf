import pytest
import torch
from learning_toys import small_config, small_task
from torch import Tensor
from torch.nn import functional

from dreamer_learning.agent import Agent
from dreamer_learning.batch import context
from dreamer_learning.distributions import straight_through
from dreamer_learning.networks import NORM_EPSILON
from dreamer_learning.rssm import RSSM

BATCH, LENGTH, ACTIONS, TOKENS = 3, 6, 2, 7


def make(dtype: torch.dtype = torch.float32) -> RSSM:
    torch.manual_seed(0)
    rssm = RSSM(small_config().dynamics, ACTIONS, TOKENS).to(dtype)
    for parameter in rssm.parameters():  # scales of 1 and biases of 0 would hide mistakes
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return rssm


def naive_step(rssm: RSSM, deter: Tensor, stoch: Tensor, action: Tensor) -> Tensor:
    """The transition as the paper's code states it: every block sees its own deter and the three embeddings."""
    core, blocks = rssm.core, rssm.config.blocks

    def norm_act(x: Tensor, weight: Tensor) -> Tensor:
        return functional.silu(x / torch.sqrt(x.square().mean(-1, keepdim=True) + NORM_EPSILON) * weight)

    action = action / torch.maximum(torch.ones_like(action), action.detach().abs())
    x = torch.cat([
        norm_act(core.from_deter(deter), core.deter_norm.weight),
        norm_act(core.from_stoch(stoch), core.stoch_norm.weight),
        norm_act(core.from_action(action), core.action_norm.weight),
    ], -1)
    x = torch.cat([torch.cat([part, x], -1) for part in deter.chunk(blocks, -1)], -1)
    x = norm_act(core.hidden(x), core.hidden_norm.weight)
    gates = core.gates(x).unflatten(-1, (blocks, -1))
    reset, candidate, update = (gate.flatten(-2) for gate in gates.chunk(3, -1))
    candidate = torch.tanh(torch.sigmoid(reset) * candidate)
    update = torch.sigmoid(update - 1)
    return update * candidate + (1 - update) * deter


def inputs(rssm: RSSM) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    is_first = torch.zeros(BATCH, LENGTH, dtype=torch.bool)
    is_first[1, 3] = is_first[2, 0] = True
    stoch = functional.one_hot(torch.randint(4, (BATCH, 4)), 4).transpose(1, 2).float().flatten(1)
    return (torch.randn(BATCH, LENGTH, TOKENS), 2 * torch.randn(BATCH, LENGTH, ACTIONS), is_first,
            torch.randn(BATCH, 32), stoch)


def test_one_step_matches_the_naive_implementation() -> None:
    rssm = make()
    _, action, _, deter, stoch = inputs(rssm)
    core = rssm.core
    result = core.step(core.prepare(), deter, stoch, core.embed_action(core.action_weight(), action[:, 0]))
    torch.testing.assert_close(result, naive_step(rssm, deter, stoch, action[:, 0]), rtol=1e-5, atol=1e-6)


def naive_observe(rssm: RSSM, tokens: Tensor, action: Tensor, is_first: Tensor, deter: Tensor,
                  stoch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Filter step by step with differentiable operations only; the same random numbers as RSSM.observe."""
    uniform = rssm.latent.noise(LENGTH, BATCH, generator=torch.Generator().manual_seed(5), device=tokens.device)
    posterior, results = rssm.posterior, []
    for t in range(LENGTH):
        keep = (~is_first[:, t]).to(deter.dtype).unsqueeze(-1)
        deter = naive_step(rssm, deter * keep, stoch * keep, action[:, t] * keep)
        x = posterior.out(posterior.norm(posterior.first(torch.cat([deter, tokens[:, t]], -1))))
        probs = rssm.latent.statistics(x)
        stoch = straight_through(rssm.latent.sample(probs.detach(), uniform[t]), probs.flatten(-2))
        results.append((deter, stoch, probs))
    deters, stochs, probs = (torch.stack(parts, 1) for parts in zip(*results))
    return deters, stochs, probs


@pytest.mark.parametrize('fused', [True, False])
def test_observe_matches_the_naive_implementation_in_values_and_gradients(fused: bool) -> None:
    rssm = make(torch.float64)
    tokens, action, is_first, deter, stoch = (x.double() if x.is_floating_point() else x for x in inputs(rssm))
    tokens, action = tokens.requires_grad_(), action.requires_grad_()
    weights = [torch.randn(BATCH, LENGTH, *size, dtype=torch.float64) for size in ((32,), (16,), (4, 4))]
    outcomes = []
    for observe in (naive_observe, lambda r, *args: r.observe(*args, torch.Generator().manual_seed(5), fused=fused)):
        rssm.zero_grad()
        tokens.grad = action.grad = None
        outputs = observe(rssm, tokens, action, is_first, deter, stoch)
        sum((w * x).sum() for w, x in zip(weights, outputs)).backward()
        used = {name: p.grad.clone() for name, p in rssm.named_parameters() if p.grad is not None}
        outcomes.append((outputs, used, tokens.grad, action.grad))
    (expected, gradients, *more), (actual, own, *others) = outcomes
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)
    assert own.keys() == gradients.keys()
    assert {name.split('.')[0] for name in own} == {'core', 'posterior'}
    for name, gradient in gradients.items():
        assert torch.allclose(own[name], gradient, rtol=1e-10, atol=1e-10), name
    torch.testing.assert_close(others, more, rtol=1e-10, atol=1e-10)


def test_nothing_leaks_over_is_first() -> None:
    rssm = make()
    tokens, action, is_first, deter, stoch = inputs(rssm)
    outcomes = []
    for change in (0.0, 5.0):
        changed_tokens, changed_action = tokens.clone(), action.clone()
        changed_tokens[1, :3] += change
        changed_action[1, :4] += change  # action 3 is the one before the first step
        changed_deter = deter + change
        outcomes.append(rssm.observe(changed_tokens, changed_action, is_first, changed_deter, stoch,
                                     torch.Generator().manual_seed(5)))
    for before, after in zip(*outcomes):
        assert torch.equal(before[1, 3:], after[1, 3:])  # first at t = 3
        assert torch.equal(before[2], after[2])  # first at t = 0: the context does not matter
        assert not torch.equal(before[1, :3], after[1, :3])


def test_imagination_starts_at_the_given_state_and_uses_the_policy() -> None:
    rssm = make()
    features = torch.randn(5, 48)
    seen = []

    def policy(now: Tensor, h: int) -> Tensor:
        seen.append(h)
        return torch.full((5, ACTIONS), 0.1 * h)

    states, actions = rssm.imagine(features, policy, 4, torch.Generator().manual_seed(0))
    assert seen == [0, 1, 2, 3]
    assert torch.equal(states[0], features)
    torch.testing.assert_close(actions[3], torch.full((5, ACTIONS), 0.3))
    expected = naive_step(rssm, states[2, :, :32], states[2, :, 32:], actions[2])
    torch.testing.assert_close(states[3, :, :32], expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(states[1:, :, 32:].unflatten(-1, (4, 4)).sum(-2), torch.ones(4, 5, 4))


def test_imagination_with_gradients_is_the_same_and_reaches_policy_and_dynamics() -> None:
    rssm = make(torch.float64)
    features = torch.randn(5, 48, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(48, ACTIONS, dtype=torch.float64, requires_grad=True)
    outcomes = [
        rssm.imagine(features, lambda now, _: torch.tanh(now @ weight), 4, torch.Generator().manual_seed(0), gradients)
        for gradients in (False, True)
    ]
    torch.testing.assert_close(outcomes[0], outcomes[1], rtol=1e-10, atol=1e-10)
    assert not outcomes[0][0].requires_grad
    (outcomes[0][0] * weight.sum()).sum().backward()  # what comes out of it can be trained on
    weight.grad = None
    outcomes[1][0][-1].square().sum().backward()
    used = {name.split('.')[0] for name, p in rssm.named_parameters() if p.grad is not None and p.grad.any()}
    assert used == {'core', 'prior'}
    for tensor in (features, weight):
        assert tensor.grad is not None
        assert tensor.grad.any()


def test_stored_class_numbers_become_the_same_one_hot_state() -> None:
    config, task = small_config(), small_task()
    agent = Agent(config, task)
    index = torch.tensor([[0, 1, 2, 3], [3, 3, 0, 1]], dtype=torch.uint8)
    batch = {'context_stoch': index, 'context_deter': torch.ones(2, 32).half(), 'context_valid': torch.ones(2).bool()}
    deter, stoch = context(batch, 4)
    assert torch.equal(stoch.view(2, 4, 4).sum(1), torch.ones(2, 4))
    assert torch.equal(agent._indices(stoch), index)
    batch['context_valid'] = torch.tensor([True, False])
    deter, stoch = context(batch, 4)
    assert not deter[1].any()
    assert not stoch[1].any()
    assert deter[0].all()
