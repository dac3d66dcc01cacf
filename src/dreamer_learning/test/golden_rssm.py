"""The state-space models of Dreamer V1, V2 and DayDreamer with the weights of a fixture, and the two steps that fixtures hold.

The originals keep a latent as (variable, class), this package as (class, variable).
"""

from typing import Any

import pytest
import torch
from golden_numbers import Golden, class_order, put_linear, put_mlp, put_norm
from torch import Tensor, nn

from dreamer_learning.latents import CategoricalLatent
from dreamer_learning.rssm import RSSM

DETER, STOCH, CLASSES, UNITS, TOKENS, ACTIONS, BATCH = 8, 3, 4, 6, 5, 2, 3


def ours(latent: Tensor) -> Tensor:
    """(..., S, C) of the original -> flat (..., C*S)."""
    return latent.transpose(-1, -2).flatten(-2)


def original(flat: Tensor) -> Tensor:
    """(..., C*S) -> (..., S, C) of the original."""
    return flat.unflatten(-1, (CLASSES, STOCH)).transpose(-1, -2)


def put_rssm(rssm: RSSM, golden: Golden) -> None:
    """All but the GRU cell."""
    core: Any = rssm.core
    categorical = isinstance(rssm.latent, CategoricalLatent)
    order = class_order(STOCH, CLASSES) if categorical else torch.arange(STOCH)
    outputs = order if categorical else None
    put_linear(core.inputs, golden, 'img_in', torch.cat([order, torch.arange(ACTIONS) + len(order)]))
    put_norm(core.norm, golden, 'img_in')
    put_mlp(rssm.prior, golden, 'prior')
    put_linear(rssm.prior.out, golden, 'prior/out', columns=outputs)  # type: ignore[arg-type]
    put_linear(rssm.posterior.first, golden, 'posterior/0')
    put_norm(rssm.posterior.norm, golden, 'posterior/0')
    put_linear(rssm.posterior.out, golden, 'posterior/out', columns=outputs)


def put_norm_gru(rssm: RSSM, golden: Golden, rows: Tensor | None = None) -> None:
    cell: Any = rssm.core.cell
    put_linear(cell.gates, golden, 'gru', rows)
    put_norm(cell.norm, golden, 'gru')


def check_latent(golden: Golden, name: str, rssm: RSSM, raw: Tensor) -> None:
    """A network's output, or with a uniform share the logarithm of its probabilities; Gaussian: mean and deviation."""
    statistics = rssm.latent.statistics(raw)
    if isinstance(rssm.latent, CategoricalLatent):
        mixed = torch.log(statistics).transpose(-1, -2)
        golden.check(f'{name}/logit', mixed if rssm.config.unimix else original(raw))
        expected = torch.softmax(golden.output(f'{name}/logit'), -1)
        torch.testing.assert_close(statistics.transpose(-1, -2), expected, rtol=1e-5, atol=1e-5)
    else:
        golden.check(f'{name}/mean', statistics[..., 0, :])
        golden.check(f'{name}/std', statistics[..., 1, :])


def check_two_steps(golden: Golden, rssm: RSSM, monkeypatch: pytest.MonkeyPatch, resets: bool, deter_first: bool) -> None:
    """Filter two steps from given states; every sample is the mode.

    Args:
        resets: whether the fixture has a row that begins an episode at the first step.
        deter_first: order of the original's features.
    """
    categorical = isinstance(rssm.latent, CategoricalLatent)
    monkeypatch.setattr(rssm.latent, 'sample_through', lambda statistics, noise: rssm.latent.mode(statistics))
    is_first = torch.zeros(BATCH, 2, dtype=torch.bool)
    if resets:
        is_first[:, 0] = golden['input/is_first'].bool()
    tokens, action = (torch.stack([golden[f'input/{name}'], golden[f'input/{name}2']], 1) for name in ('embed', 'action'))
    before = golden['input/stoch']
    deter, stoch, statistics = rssm.observe(tokens, action, is_first, golden['input/deter'],
                                            ours(before) if categorical else before, fused=False)
    weight, projected = rssm.posterior.deter_weight(), rssm.posterior.project(tokens)
    for t, step in enumerate(('', 'step2/')):
        golden.check(f'{step}deter', deter[:, t])
        check_latent(golden, f'{step}prior', rssm, rssm.prior(deter[:, t]))
        raw = rssm.posterior(weight, deter[:, t], projected[:, t])
        check_latent(golden, f'{step}posterior', rssm, raw)
        torch.testing.assert_close(statistics[:, t], rssm.latent.statistics(raw))
    sample = original(stoch[:, 0]) if categorical else stoch[:, 0]
    golden.check('step2/stoch_in', sample)
    parts = [deter[:, 0], sample.flatten(1)]
    golden.check('feat', torch.cat(parts if deter_first else parts[::-1], -1))


def check_kl_gradients(golden: Golden, prefix: str, parts: dict[str, list[nn.Parameter]]) -> None:
    """Of the first row, where the fixture has them: parts['mean'] = [of the posterior, of the prior], ..."""
    for name, sides in parts.items():
        for side, parameter in zip(('posterior', 'prior'), sides):
            assert parameter.grad is not None
            golden.check(f'{prefix}{side}_row0/{name}', parameter.grad[0])
            parameter.grad = None
