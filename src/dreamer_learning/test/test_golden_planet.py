"""PlaNet against the numbers of the authors' public code."""

import dataclasses
from typing import Any

import pytest
import torch
from golden_numbers import Golden, put, put_convolution, put_linear
from learning_toys import small_config
from torch import Tensor, nn

from dreamer_learning.coders import Decoder, Encoder
from dreamer_learning.heads import ScalarHead
from dreamer_learning.kl import KLLoss
from dreamer_learning.latents import GaussianLatent
from dreamer_learning.model_config import DynamicsConfig
from dreamer_learning.networks import Style
from dreamer_learning.planning import cross_entropy_method
from dreamer_learning.rssm import RSSM
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec
from dreamer_learning.training_config import PlanningConfig
from dreamer_learning.world_model import WorldModel

STYLE = Style('none', 'relu', 'glorot')
OLD = {'norm': 'none', 'activation': 'relu', 'initialiser': 'glorot'}
DYNAMICS = DynamicsConfig(deter=8, hidden=6, stoch=3, cell='reset_first_gru', latent='gaussian')
DETER, STOCH, ACTIONS, TOKENS = 8, 3, 2, 5


def put_pair(layer: nn.Linear, golden: Golden, name: str) -> None:
    """One layer of ours is two of the original: mean, then deviation."""
    put(layer.weight, torch.cat([golden[f'{name}/{part}/kernel'] for part in ('mean', 'std')], -1).t())
    put(layer.bias, torch.cat([golden[f'{name}/{part}/bias'] for part in ('mean', 'std')]))


def make_rssm(golden: Golden) -> RSSM:
    rssm = RSSM(DYNAMICS, ACTIONS, TOKENS, style=STYLE)
    put_rssm(rssm, golden)
    return rssm


def put_rssm(rssm: RSSM, golden: Golden) -> None:
    core: Any = rssm.core
    prior: Any = rssm.prior
    put_linear(core.inputs, golden, 'prior/in')
    put_linear(core.cell.gates, golden, 'gru/gates')
    put_linear(core.cell.candidate, golden, 'gru/candidate')
    put_linear(prior.layers[0], golden, 'prior/hidden')
    put_pair(prior.out, golden, 'prior')
    put_linear(rssm.posterior.first, golden, 'posterior/hidden')
    put_pair(rssm.posterior.out, golden, 'posterior')


def no_noise(rssm: RSSM, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sample is the mean."""
    def draw(*leading: int, **_: object) -> Tensor:
        return torch.zeros(*leading, 1, STOCH)

    monkeypatch.setattr(rssm.latent, 'noise', draw)


def check_statistics(golden: Golden, name: str, statistics: Tensor) -> None:
    """statistics (..., 2, S)."""
    for index, part in enumerate(('mean', 'std')):
        golden.check(f'{name}_{part}', statistics[..., index, :])


def test_one_step_prior_and_posterior() -> None:
    golden = Golden('planet_rssm')
    rssm = make_rssm(golden)
    core: Any = rssm.core
    action = core.embed_action(core.action_weight(), golden['input/action'])
    deter = core.step(core.prepare(), golden['input/belief'], golden['input/sample'], action)
    golden.check('belief', deter)
    check_statistics(golden, 'prior', rssm.latent.statistics(rssm.prior(deter)))
    raw = rssm.posterior(rssm.posterior.deter_weight(), deter, rssm.posterior.project(golden['input/embed']))
    check_statistics(golden, 'posterior', rssm.latent.statistics(raw))


def test_closed_and_open_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden('planet_rssm')
    rssm = make_rssm(golden)
    no_noise(rssm, monkeypatch)
    embed, action = golden['input/sequence/embed'], golden['input/sequence/action']
    batch, length = embed.shape[:2]
    zeros = rssm.initial(batch, embed.device)
    deter, stoch, statistics = rssm.observe(embed, action, torch.zeros(batch, length, dtype=torch.bool), *zeros)
    golden.check('observe_belief', deter)
    check_statistics(golden, 'observe', statistics)
    check_statistics(golden, 'observe_prior', rssm.latent.statistics(rssm.prior(deter)))
    context = golden.setting['context']
    start = torch.cat([deter, stoch], -1)[:, context - 1]
    path, _ = rssm.imagine(start, lambda _, h: action[:, context + h], length - context)
    opened = path[1:, :, :DETER].transpose(0, 1)
    golden.check('open_belief', torch.cat([deter[:, :context], opened], 1))
    later = rssm.latent.statistics(rssm.prior(opened))
    check_statistics(golden, 'open', torch.cat([statistics[:, :context], later], 1))


def test_kl_with_free_nats_of_each_element() -> None:
    golden = Golden('planet_kl')
    latent = GaussianLatent(DYNAMICS)
    posterior, prior = (torch.stack([golden[f'input/{side}/{part}'] for part in ('mean', 'std')], -2).requires_grad_()
                        for side in ('posterior', 'prior'))
    golden.check('kl', latent.kl(posterior, prior))
    free = golden.setting['free_nats']
    loss = dataclasses.replace(small_config().loss, free_nats=free, free_mean=False, kl_target=0.0)
    losses, _ = KLLoss(loss, latent)(posterior, prior)
    # The original takes the free nats off, which changes no gradient.
    golden.check('loss', losses['dynamics'] - free)
    golden.check('loss', losses['representation'] - free)
    golden.check('mean', losses['dynamics'].mean() - free)
    (losses['dynamics'] + losses['representation']).mean().backward()
    for side, grad in (('posterior', posterior.grad), ('prior', prior.grad)):
        assert grad is not None
        check_statistics(golden, 'grad_' + side, grad)


def test_cross_entropy_method() -> None:
    golden = Golden('planet_cem')
    own = golden.setting

    def score(actions: Tensor) -> Tensor:
        state, total = golden['input/state'], 0.0
        for action in actions:  # (1, J, A)
            state = 0.9 * state + 0.2 * action
            total = total - (state - 0.3).square().sum(-1)
        return total

    def noise(iteration: int) -> Tensor:
        return golden[f'noise/{iteration}'].transpose(0, 1).unsqueeze(1)

    found = [cross_entropy_method(score, noise, PlanningConfig(own['horizon'], iterations, own['candidates'], own['top']))
             for iterations in range(1, own['iterations'] + 1)]
    for name, parts in zip(('mean', 'std'), zip(*found)):
        golden.check(name, torch.stack(parts)[:, :, 0])
    golden.check('plan', found[-1][0][:, 0])


def test_image_networks_and_the_reward_head() -> None:
    golden = Golden('planet_networks')
    config = small_config(
        networks={'units': 6, 'depth': 32, 'mults': [1, 2, 4, 8], 'images': 'strided', 'image_loss': 'normal', 'image_bits': 5,
                  'image_centre': 0.5, **OLD},
        heads={'reward': 'normal'})
    spaces = {'image': TensorSpec((64, 64, 3), 'uint8')}
    encoder, decoder = Encoder(spaces, config.networks), Decoder(spaces, config.networks, DETER, STOCH)
    inner: Any = encoder.image
    outer: Any = decoder.image
    for index, layer in enumerate(inner.layers):
        put_convolution(layer.convolution, golden, f'encoder/image/{index}')
    # The original's features are [sample, belief].
    rows = torch.cat([torch.arange(DETER) + STOCH, torch.arange(STOCH)])
    put_linear(outer.first, golden, 'decoder/image/in', rows)
    for index, layer in enumerate(outer.layers):
        put_convolution(layer.convolution, golden, f'decoder/image/{index}')
    # The original dithers: the images of the fixture are the discrete ones plus the given noise.
    pixels = golden['input/image'].flatten(0, 1)
    noisy = (torch.div(pixels, 8, rounding_mode='floor') + golden['input/dither'].flatten(0, 1)) / 32 - 0.5
    golden.check('pixels_every_997', noisy.flatten()[::997])
    embedded = inner(noisy.permute(0, 3, 1, 2))
    golden.check('embed_every_37', embedded.flatten()[::37])
    golden.check('embed_sums', embedded.double().sum(-1).view(2, 2))
    features = golden['input/features'][..., rows].flatten(0, 1)
    mean = outer(features[:, :DETER], features[:, DETER:])
    golden.check('image_every_97', mean.flatten()[::97])
    golden.check('image_sums', mean.double().sum((1, 2)).view(2, 2, 3))
    golden.check('image_log_prob', -decoder._image_loss(mean, noisy + 0.5).view(2, 2))
    head = ScalarHead(DETER + STOCH, 3, 'normal', config.networks, config.heads)
    mlp: Any = head.mlp
    for index, layer in enumerate(mlp.layers):
        put_linear(layer, golden, f'reward/{index}', rows if index == 0 else None)
    put_linear(mlp.out, golden, 'reward/out')
    golden.check('reward_mean', head.predict(features).view(2, 2))
    target = golden['input/reward'].flatten().unsqueeze(-1)
    golden.check('reward_log_prob', -head.output.loss(head(features), target).view(2, 2))


def observed(golden: Golden, rssm: RSSM) -> tuple[Tensor, Tensor, Tensor]:
    """Posterior states and statistics of the fixture's sequence, every sample the mean."""
    embed, action = golden['input/sequence/embed'], golden['input/sequence/action']
    first = torch.zeros(embed.shape[:2], dtype=torch.bool)
    return rssm.observe(embed, action, first, *rssm.initial(len(embed), embed.device))


def test_priors_of_overshooting(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden('planet_overshooting')
    rssm = make_rssm(golden)
    no_noise(rssm, monkeypatch)
    deter, stoch, posterior = observed(golden, rssm)
    core: Any = rssm.core
    weights, share = core.prepare(), core.embed_action(core.action_weight(), golden['input/sequence/action'])
    before = [torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1) for x in (deter, stoch)]
    mask = golden.output('mask').bool()
    batch, length, distances = mask.shape
    found = torch.zeros(batch, length, distances, 3, STOCH)  # mean and deviation of the prior, mean of the posterior
    kl = torch.zeros(batch, length, distances)
    for start in range(length):
        h, z = before[0][:, start], before[1][:, start]
        for t in range(start, length):
            h = core.step(weights, h, z, share[:, t])
            prior = rssm.latent.statistics(rssm.prior(h))
            z = rssm.latent.mode(prior)
            d = t - start - 1
            if 0 <= d < distances:
                found[:, start, d] = torch.cat([prior, posterior[:, t, :1]], 1).detach()
                kl[:, start, d] = rssm.latent.kl(posterior[:, t], prior).detach()
    golden.check('kl', kl)
    for index, name in enumerate(('prior_mean', 'prior_std', 'posterior_mean')):
        torch.testing.assert_close(found[..., index, :][mask], golden.output(name)[mask], rtol=1e-5, atol=1e-5)


def test_loss_of_overshooting(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden('planet_overshooting')
    config = small_config(
        networks={'units': TOKENS, **OLD}, heads={'reward': 'normal'}, replay={'context': False},
        dynamics={**dataclasses.asdict(DYNAMICS)}, behaviour={'method': 'planning'},
        loss={'free_nats': 0.0, 'overshooting': golden.setting['overshooting_distance'], 'replay_critic': 0.0})
    model = WorldModel(config, Task('toy', 20.0, 10, 'toy', {'joints': TensorSpec((4,))}, ActionSpec(ACTIONS)))
    put_rssm(model.rssm, golden)
    no_noise(model.rssm, monkeypatch)
    state = observed(golden, model.rssm)
    action = golden['input/sequence/action']
    batch = {'previous_action': action[:, 0], 'action': torch.cat([action[:, 1:], action[:, :1]], 1),
             'is_first': torch.zeros(action.shape[:2], dtype=torch.bool)}
    kl, length = golden.output('kl'), action.shape[1]
    # The original begins before the first step too, from a state of zeros; here the posterior of every step is a start.
    expected = [kl[:, 1:length - d + 1, d - 2].mean() for d in (2, 3)]
    torch.testing.assert_close(model._overshoot(batch, *state, None), torch.stack(expected), rtol=1e-5, atol=1e-5)
