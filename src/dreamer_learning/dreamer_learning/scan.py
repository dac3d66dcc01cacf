"""The RSSM over a replayed sequence as one differentiable operation.

Step by step through autograd, a sequence costs hundreds of small recorded operations and one pass over every weight's
gradient per step. Here the forward pass records nothing; the backward pass walks back through the same steps by hand, and
each weight's gradient is one matrix product over all T*B rows at the end. Values and gradients are those of the plain
computation (test_rssm.py compares them).

One step, names as in the code (d deter, s stoch, one-hot; G blocks of I units; U hidden units):

    d_in, s_in = d, s, zero where is_first
    (d_in Wd + bd, s_in Ws + bs) --norm, SiLU--> x1 (B, 2, U)
    action[t] + x1 Hs + d_in Hd (per block) --norm, SiLU--> x2 (B, D)
    x2 Wg + bg (per block) -> reset, candidate, update;   d = d_in + sig(update) (tanh(sig(reset) candidate) - d_in)
    projected[t] + d Pd --norm, SiLU--> x3;   x3 Wo + bo --softmax--> p;   probs = (1 - unimix) p + unimix / C;   s ~ probs
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from dreamer_learning.distributions import sample_one_hot
from dreamer_learning.model_config import DynamicsConfig
from dreamer_learning.networks import norm_silu_backward, norm_silu_parts


class ScanPlan(NamedTuple):
    """What a scan needs beside tensors with gradients."""

    steps: ScanSteps
    config: DynamicsConfig
    keep: Tensor  # (T, B, 1), 0 where is_first
    resets: list[bool]  # (T), whether any row of the batch may be first
    uniform: Tensor  # (T, B, 1, S)

    def parts(self) -> list[slice]:
        """The steps that are taken at once."""
        length, each = len(self.resets), self.steps.length or len(self.resets)
        return [slice(start, start + each) for start in range(0, length, each)]


class ScanSteps:
    """The computations of a scan, plain or compiled."""

    COMPILED = 8
    """Steps of one graph: a call costs as much as a step, and compiling takes the longer the more there are."""

    def __init__(self) -> None:
        self.length = 0  # all
        self.forward, self.backward, self.gather = _forward, _backward, _weight_gradients

    def compile(self, backend: str) -> None:
        """See Agent.compile."""
        self.length = self.COMPILED
        self.forward = torch.compile(_forward, backend=backend, dynamic=False)
        self.backward = torch.compile(_backward, backend=backend, dynamic=False)
        self.gather = torch.compile(_weight_gradients, backend=backend, dynamic=False)


class Weights(NamedTuple):
    """In the order of rssm.CoreWeights, then the posterior's."""

    from_deter: Tensor  # (U, D)
    from_deter_bias: Tensor
    from_stoch: Tensor  # (U, C*S)
    from_stoch_bias: Tensor
    norm: Tensor  # (2, U)
    hidden_deter: Tensor  # (G, I, I)
    hidden_state: Tensor  # (2 * U, D)
    hidden_norm: Tensor  # (D)
    gates: Tensor  # (G, I, 3 * I)
    gates_bias: Tensor  # (G, 1, 3 * I)
    posterior: Tensor  # (D, U)
    posterior_norm: Tensor  # (U)
    out: Tensor  # (C*S, U)
    out_bias: Tensor


class Step(NamedTuple):
    """What the backward pass needs of one step."""

    deter_in: Tensor  # (B, D)
    stoch_in: Tensor  # (B, C*S)
    n1: Tensor  # (B, 2, U)
    r1: Tensor
    n2: Tensor  # (B, D)
    r2: Tensor
    reset: Tensor  # (G, B, I), after the sigmoid
    before: Tensor  # (G, B, I), the candidate before the reset
    candidate: Tensor  # (G, B, I), after the tanh
    update: Tensor  # (G, B, I), after the sigmoid
    deter: Tensor  # (B, D)
    n3: Tensor  # (B, U)
    r3: Tensor
    probs: Tensor  # (B, C, S), without the uniform share


# The fields of a step that meet a weight.
TAPE = ('deter_in', 'stoch_in', 'n1', 'n2', 'deter', 'n3')


class Gradients(NamedTuple):
    """Gradients of one step, before the weights."""

    inputs: Tensor  # (B, 2, U), of x1's linear layers
    y1: Tensor  # (B, 2, U), of the norm's output
    hidden: Tensor  # (B, D)
    y2: Tensor  # (B, D)
    gates: Tensor  # (G, B, 3 * I)
    posterior: Tensor  # (B, U)
    y3: Tensor  # (B, U)
    logits: Tensor  # (B, C*S)


class ObserveScan(torch.autograd.Function):
    """plan, deter (B, D), stoch (B, C*S), actions (T, B, D), projected (T, B, U), weights -> deter, stoch, probs, time first.

    No gradient goes to the first deter and stoch.
    """

    @staticmethod
    def forward(ctx: Any, plan: ScanPlan, deter: Tensor, stoch: Tensor, actions: Tensor, projected: Tensor,
                *tensors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights = Weights(*tensors)
        steps: list[Step] = []
        stochs: list[Tensor] = []
        for part in plan.parts():
            inputs = zip(*(x[part].unbind(0) for x in (actions, projected, plan.uniform, plan.keep)), plan.resets[part])
            done, after = plan.steps.forward(plan.config, weights, deter, stoch, list(inputs))
            deter, stoch = done[-1].deter, after[-1]
            steps += done
            stochs += after
        ctx.plan, ctx.steps = plan, steps
        ctx.save_for_backward(*tensors)
        probs = torch.stack([step.probs for step in steps])
        return torch.stack([step.deter for step in steps]), torch.stack(stochs), _mix(plan.config, probs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        plan, steps, weights = ctx.plan, ctx.steps, Weights(*ctx.saved_tensors)
        outer = list(zip(*(grad.unbind(0) for grad in grads), plan.keep.unbind(0), plan.resets))
        deter, stoch = torch.zeros_like(outer[0][0]), torch.zeros_like(outer[0][1])
        results: list[Gradients] = []
        for part in reversed(plan.parts()):
            done, deter, stoch = plan.steps.backward(plan.config, weights, steps[part], outer[part], deter, stoch)
            results = done + results
        gradients = Gradients(*(torch.stack(parts) for parts in zip(*results)))
        tape = {name: torch.stack([getattr(step, name) for step in steps]) for name in TAPE}
        ctx.steps = None
        return (None, None, None, gradients.hidden, gradients.posterior, *plan.steps.gather(weights, tape, gradients))


def _forward(config: DynamicsConfig, w: Weights, deter: Tensor, stoch: Tensor,
             inputs: list[tuple[Tensor, Tensor, Tensor, Tensor, bool]]) -> tuple[list[Step], list[Tensor]]:
    """Some steps in a row; inputs: action, tokens, uniform, keep and reset of each."""
    steps, stochs = [], []
    for action, tokens, uniform, keep, reset in inputs:
        if reset:
            deter, stoch = deter * keep, stoch * keep
        step = _forward_step(config, w, deter, stoch, action, tokens)
        deter = step.deter
        stoch = sample_one_hot(_mix(config, step.probs), uniform).flatten(-2)
        steps.append(step)
        stochs.append(stoch)
    return steps, stochs


def _backward(config: DynamicsConfig, w: Weights, steps: list[Step], outer: list[tuple[Tensor, Tensor, Tensor, Tensor, bool]],
              deter: Tensor, stoch: Tensor) -> tuple[list[Gradients], Tensor, Tensor]:
    """The same steps backwards; outer: gradients from outside of deter, stoch and probs, keep and reset of each."""
    results = []
    for step, (own_deter, own_stoch, own_probs, keep, reset) in zip(reversed(steps), reversed(outer)):
        result, deter, stoch = _backward_step(config, w, step, own_deter + deter, own_stoch + stoch, own_probs)
        if reset:
            deter, stoch = deter * keep, stoch * keep
        results.append(result)
    return results[::-1], deter, stoch


def _mix(config: DynamicsConfig, probs: Tensor) -> Tensor:
    return torch.add(config.unimix / config.classes, probs, alpha=1 - config.unimix)


def _blocks(x: Tensor, blocks: int) -> Tensor:
    """(B, D) -> (G, B, I), a view."""
    return x.view(x.shape[0], blocks, -1).transpose(0, 1)


def _forward_step(config: DynamicsConfig, w: Weights, deter: Tensor, stoch: Tensor, action: Tensor, tokens: Tensor) -> Step:
    count, blocks = deter.shape[0], config.blocks
    inputs = torch.stack([
        torch.addmm(w.from_deter_bias, deter, w.from_deter.t()),
        torch.addmm(w.from_stoch_bias, stoch, w.from_stoch.t()),
    ], 1)
    n1, r1, x1 = norm_silu_parts(inputs, w.norm)
    hidden = torch.addmm(action, x1.view(count, -1), w.hidden_state)
    _blocks(hidden, blocks).add_(torch.bmm(_blocks(deter, blocks), w.hidden_deter))
    n2, r2, x2 = norm_silu_parts(hidden, w.hidden_norm)
    reset, before, update = torch.baddbmm(w.gates_bias, _blocks(x2, blocks), w.gates).chunk(3, -1)
    reset, update = torch.sigmoid(reset), torch.sigmoid(update)
    candidate = torch.tanh(reset * before)
    following = torch.lerp(deter.view(count, blocks, -1), candidate.transpose(0, 1), update.transpose(0, 1)).reshape(count, -1)
    n3, r3, x3 = norm_silu_parts(torch.addmm(tokens, following, w.posterior), w.posterior_norm)
    logits = torch.addmm(w.out_bias, x3, w.out.t())
    probs = torch.softmax(logits.view(count, config.classes, config.stoch), 1)
    return Step(deter, stoch, n1, r1, n2, r2, reset, before, candidate, update, following, n3, r3, probs)


def _backward_step(config: DynamicsConfig, w: Weights, step: Step, deter: Tensor, stoch: Tensor,
                   probs: Tensor) -> tuple[Gradients, Tensor, Tensor]:
    """Gradients of a step's outputs -> gradients inside it, and of the state before it."""
    count, blocks = deter.shape[0], config.blocks
    sigmoid_backward = torch.ops.aten.sigmoid_backward
    # Straight-through: the sample's gradient is the probabilities' gradient.
    weighted = (probs + stoch.view(probs.shape)).mul_(step.probs)
    total = weighted.sum(1, keepdim=True)
    logits = weighted.addcmul_(step.probs, total, value=-1).mul_(1 - config.unimix).view(count, -1)
    posterior, y3 = norm_silu_backward(logits @ w.out, step.n3, step.r3, w.posterior_norm)
    following = _blocks(torch.addmm(deter, posterior, w.posterior.t()), blocks)
    change = torch.ops.aten.tanh_backward(following * step.update, step.candidate)
    difference = (step.candidate - _blocks(step.deter_in, blocks)).mul_(following)
    gates = torch.cat([
        sigmoid_backward(change * step.before, step.reset),
        change * step.reset,
        sigmoid_backward(difference, step.update),
    ], -1)
    x2 = torch.bmm(gates, w.gates.transpose(1, 2)).transpose(0, 1).reshape(count, -1)
    hidden, y2 = norm_silu_backward(x2, step.n2, step.r2, w.hidden_norm)
    earlier = torch.baddbmm(following - following * step.update, _blocks(hidden, blocks), w.hidden_deter.transpose(1, 2))
    x1 = (hidden @ w.hidden_state.t()).view(step.n1.shape)
    inputs, y1 = norm_silu_backward(x1, step.n1, step.r1, w.norm)
    deter_in = torch.addmm(earlier.transpose(0, 1).reshape(count, -1), inputs[:, 0], w.from_deter)
    return Gradients(inputs, y1, hidden, y2, gates, posterior, y3, logits), deter_in, inputs[:, 1] @ w.from_stoch


def _weight_gradients(w: Weights, tape: dict[str, Tensor], g: Gradients) -> Weights:
    """All steps stacked, (T, B, ...) each -> the gradient of every weight, one matrix product each."""
    rows = {name: value.flatten(0, 1) for name, value in tape.items()}
    inputs, hidden, posterior, logits = (x.flatten(0, 1) for x in (g.inputs, g.hidden, g.posterior, g.logits))
    blocks = w.gates.shape[0]
    gates = g.gates.transpose(0, 1).flatten(1, 2)  # (G, T*B, 3 * I)
    x1, x2, x3 = (
        torch.nn.functional.silu(rows[name] * weight)
        for name, weight in (('n1', w.norm), ('n2', w.hidden_norm), ('n3', w.posterior_norm))
    )
    return Weights(
        from_deter=inputs[:, 0].t() @ rows['deter_in'],
        from_deter_bias=inputs[:, 0].sum(0),
        from_stoch=inputs[:, 1].t() @ rows['stoch_in'],
        from_stoch_bias=inputs[:, 1].sum(0),
        norm=(g.y1 * tape['n1']).sum((0, 1)),
        hidden_deter=torch.bmm(_blocks(rows['deter_in'], blocks).transpose(1, 2), _blocks(hidden, blocks)),
        hidden_state=x1.flatten(1).t() @ hidden,
        hidden_norm=(g.y2 * tape['n2']).sum((0, 1)),
        gates=torch.bmm(_blocks(x2, blocks).transpose(1, 2), gates),
        gates_bias=gates.sum(1, keepdim=True),
        posterior=rows['deter'].t() @ posterior,
        posterior_norm=(g.y3 * tape['n3']).sum((0, 1)),
        out=logits.t() @ x3,
        out_bias=logits.sum(0),
    )
