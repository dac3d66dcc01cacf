"""DreamerV3 against the numbers of the authors' public code.

The original keeps a latent as (variable, class), this package as (class, variable): see `order`.
"""

import dataclasses
from typing import Any

import pytest
import torch
from behaviour_toys import no_ends
from golden_numbers import Golden, fill, put, put_convolution, put_linear
from learning_toys import small_config
from torch import Tensor, nn

from dreamer_learning.action_distributions import BoundedNormal, Categorical
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.behaviour import Behaviour, lambda_return
from dreamer_learning.coders import Decoder, Encoder
from dreamer_learning.distributions import TwoHot, bernoulli_loss, squared_error, symlog_mse
from dreamer_learning.kl import KLLoss
from dreamer_learning.latents import CategoricalLatent
from dreamer_learning.networks import BlockLinear, symlog
from dreamer_learning.normalise import AdvantageNormaliser, ReturnNormaliser
from dreamer_learning.optim import LaProp
from dreamer_learning.rssm import RSSM
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec
from dreamer_learning.training_config import AnnealConfig
from dreamer_learning.world_model import WorldModel

DETER, STOCH, CLASSES, UNITS, TOKENS, ACTIONS = 8, 3, 4, 6, 5, 2
SPACES = {'imu': TensorSpec((3,)), 'joints': TensorSpec((4,)), 'camera': TensorSpec((64, 64, 3), 'uint8')}


def config(**behaviour: float | str | bool) -> AgentConfig:
    return small_config(
        networks={'units': UNITS, 'encoder_layers': 3, 'decoder_layers': 3, 'depth': 2, 'image_blocks': 2},
        dynamics={'deter': DETER, 'hidden': UNITS, 'stoch': STOCH, 'classes': CLASSES, 'blocks': 2},
        heads={'reward_layers': 1, 'continue_layers': 1, 'actor_layers': 2, 'critic_layers': 2},
        behaviour=behaviour,
    )


def order(offset: int = 0) -> Tensor:
    """The original's number of each of our C*S latent inputs or outputs."""
    return torch.arange(STOCH * CLASSES).view(STOCH, CLASSES).t().flatten() + offset


def ours(latent: Tensor) -> Tensor:
    """(..., S, C) of the original -> flat (..., C*S)."""
    return latent.transpose(-1, -2).flatten(-2)


def original(flat: Tensor) -> Tensor:
    """(..., C*S) -> (..., S, C) of the original."""
    return flat.unflatten(-1, (CLASSES, STOCH)).transpose(-1, -2)


FEATURES = torch.cat([torch.arange(DETER), order(DETER)])
"""The original's numbers of our features, for [deter, stoch]."""


def put_block(layer: BlockLinear, golden: Golden, name: str) -> None:
    put(layer.weight, golden[f'{name}/kernel'])
    put(layer.bias, golden[f'{name}/bias'])


def put_mlp(mlp: Any, golden: Golden, name: str, rows: Tensor | None = None, out: str = '') -> None:
    """An MLP, with its last layer if `out` names it."""
    for index, (layer, norm) in enumerate(zip(mlp.layers, mlp.norms)):
        put_linear(layer, golden, f'{name}/{index}', rows if index == 0 else None)
        put(norm.weight, golden[f'{name}/{index}/norm/scale'])
    if out:
        put_linear(mlp.out, golden, f'{name}/{out}')


def make_rssm(golden: Golden) -> RSSM:
    rssm = RSSM(config().dynamics, ACTIONS, TOKENS)
    core: Any = rssm.core
    posterior = rssm.posterior
    for name, rows in (('deter', None), ('stoch', order()), ('action', None)):
        put_linear(getattr(core, f'from_{name}'), golden, f'core/{name}', rows)
        put(getattr(core, f'{name}_norm').weight, golden[f'core/{name}/norm/scale'])
    put_block(core.hidden, golden, 'core/hidden')
    put(core.hidden_norm.weight, golden['core/hidden/norm/scale'])
    put_block(core.gates, golden, 'gru')
    put_mlp(rssm.prior, golden, 'prior')
    put_linear(rssm.prior.out, golden, 'prior/out', columns=order())
    put_linear(posterior.first, golden, 'posterior/0')
    put(posterior.norm.weight, golden['posterior/0/norm/scale'])
    put_linear(posterior.out, golden, 'posterior/out', columns=order())
    return rssm


def force_samples(rssm: RSSM, logits: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise that draws the most probable class of logits (steps, B, S, C): in the middle of its cumulative probabilities."""
    probs = rssm.latent.statistics(ours(logits))
    chosen = probs.argmax(-2, keepdim=True)
    noise = (probs.cumsum(-2) - 0.5 * probs).gather(-2, chosen)
    steps = iter(noise)

    def draw(*leading: int, **_: object) -> Tensor:
        return noise if len(leading) == 2 else next(steps)

    monkeypatch.setattr(rssm.latent, 'noise', draw)


def test_one_step_prior_and_posterior() -> None:
    golden = Golden('v3_rssm')
    rssm = make_rssm(golden)
    core: Any = rssm.core
    action = core.embed_action(core.action_weight(), golden['input/action'])
    deter = core.step(core.prepare(), golden['input/deter'], ours(golden['input/stoch']), action)
    golden.check('deter', deter)
    prior = rssm.prior(deter)
    posterior = rssm.posterior(rssm.posterior.deter_weight(), deter, rssm.posterior.project(golden['input/tokens']))
    for name, logits in (('prior', prior), ('posterior', posterior)):
        golden.check(f'{name}_logits', original(logits))
        golden.check(f'{name}_probs', rssm.latent.statistics(logits).transpose(-1, -2))


@pytest.mark.parametrize('fused', [True, False])
def test_observing_a_sequence_with_resets(fused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden('v3_rssm')
    rssm = make_rssm(golden)
    logits = golden.output('observe_logits')
    force_samples(rssm, logits.transpose(0, 1), monkeypatch)
    deter, stoch, probs = rssm.observe(
        golden['input/sequence/tokens'], golden['input/sequence/action'], golden['input/sequence/is_first'].bool(),
        golden['input/deter'], ours(golden['input/stoch']), fused=fused)
    golden.check('observe_deter', deter)
    golden.check('observe_stoch', original(stoch).argmax(-1))
    torch.testing.assert_close(probs, rssm.latent.statistics(ours(logits)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('gradients', [True, False])
def test_imagining_with_given_actions(gradients: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden('v3_rssm')
    rssm = make_rssm(golden)
    logits = golden.output('imagine_logits')
    force_samples(rssm, logits.transpose(0, 1), monkeypatch)
    actions = golden['input/imagine/action']
    start = torch.cat([golden['input/deter'], ours(golden['input/stoch'])], -1)
    path, _ = rssm.imagine(start, lambda _, h: actions[:, h], actions.shape[1], gradients=gradients)
    deter, stoch = path[1:].transpose(0, 1).split([DETER, STOCH * CLASSES], -1)
    golden.check('imagine_deter', deter)
    golden.check('imagine_stoch', original(stoch).argmax(-1))
    golden.check('imagine_logits', original(rssm.prior(deter)))


def test_kl_losses_and_their_gradients() -> None:
    golden = Golden('v3_kl')
    latent = CategoricalLatent(config().dynamics)
    posterior = ours(torch.cat([golden['input/posterior/near'], golden['input/posterior/far']])).requires_grad_()
    prior = ours(golden['input/prior']).requires_grad_()
    statistics = latent.statistics(posterior), latent.statistics(prior)
    golden.check('kl', latent.kl(*statistics))
    golden.check('posterior_entropy', latent.entropy(statistics[0]).mean())
    golden.check('prior_entropy', latent.entropy(statistics[1]).mean())
    losses, _ = KLLoss(config().loss, latent)(*statistics)
    golden.check('dyn', losses['dynamics'])
    golden.check('rep', losses['representation'])
    (losses['dynamics'] + losses['representation']).sum().backward()
    assert prior.grad is not None
    assert posterior.grad is not None
    golden.check('dyn_grad_prior', original(prior.grad))
    golden.check('rep_grad_posterior', original(posterior.grad))


def test_two_hot() -> None:
    golden = Golden('v3_heads')
    twohot, logits, targets = TwoHot(golden.setting['bins']), golden['input/twohot'], golden['input/targets']
    torch.testing.assert_close(twohot.bins, golden.output('twohot_bins'), rtol=1e-5, atol=0)
    golden.check('twohot_mean', twohot.mean(logits))
    golden.check('twohot_loss', twohot.loss(logits, targets.unsqueeze(-1)))
    zeros = torch.zeros_like(logits)
    assert not golden.output('twohot_mean_of_zero_logits').any()
    assert not twohot.mean(zeros).any()
    golden.check('twohot_loss_of_zero_logits', twohot.loss(zeros, targets.unsqueeze(-1)))
    rows, bins = (torch.arange(n).float() for n in logits.shape)
    centred = logits - 0.5 * (bins - 107 - 3 * rows.unsqueeze(-1)).square() / 9
    for name, value in (('mean', twohot.mean(centred)), ('loss', twohot.loss(centred, targets.unsqueeze(-1)))):
        torch.testing.assert_close(value, golden.output(f'twohot_centred_{name}'), rtol=1e-5, atol=1e-5)


def test_continuation() -> None:
    golden = Golden('v3_heads')
    logits = golden['input/binary']
    golden.check('binary_loss', bernoulli_loss(logits, golden['input/binary/target']))
    golden.check('binary_prob', torch.sigmoid(logits))


def test_distributions_of_actions() -> None:
    golden = Golden('v3_heads')
    parameters = torch.cat([golden['input/normal/mean'], golden['input/normal/std']], -1)
    normal = BoundedNormal(parameters, golden.setting['min_std'], golden.setting['max_std'])
    golden.check('normal_mean', normal.mode())
    golden.check('normal_std', normal.std)
    golden.check('normal_log_prob', normal.log_prob(golden['input/normal/action']))
    golden.check('normal_entropy', normal.entropy().sum(-1))
    for end, share in (('min', 0.0), ('max', 1.0)):
        shares = normal.entropy_share(golden.output(f'normal_{end}_entropy'))
        torch.testing.assert_close(shares, torch.full((ACTIONS,), share), rtol=1e-5, atol=1e-5)
    logits = golden['input/categorical']
    event = nn.functional.one_hot(torch.arange(len(logits)) % CLASSES, CLASSES).float()
    for name, unimix in (('categorical', 0.0), ('onehot', golden.setting['onehot_unimix'])):
        choice = Categorical(logits, unimix)
        golden.check(f'{name}_log_prob', choice.log_prob(event))
        golden.check(f'{name}_entropy', choice.entropy().squeeze(-1))


def test_reconstruction_losses() -> None:
    golden = Golden('v3_heads')
    golden.check('symlog_mse', symlog_mse(golden['input/mse/prediction'], golden['input/mse/target']))
    target = golden['input/image/target'].float() / 255
    golden.check('image_mse', squared_error(golden['input/image/prediction'].flatten(1), target.flatten(1)))


def test_encoder() -> None:
    golden = Golden('v3_encoder')
    encoder = Encoder(SPACES, config().networks)
    put_mlp(encoder.mlp, golden, 'encoder')
    pixels: Any = encoder.image
    for index, (layer, norm) in enumerate(zip(pixels.convolutions, pixels.norms)):
        put_convolution(layer, golden, f'encoder/image/{index}')
        put(norm.weight, golden[f'encoder/image/{index}/norm/scale'])
    tokens = encoder({name: golden[f'input/{name}'] for name in SPACES})
    golden.check('vector_tokens', tokens[:, :UNITS])
    golden.check('image_tokens', tokens[:, UNITS:])


def test_decoder() -> None:
    golden = Golden('v3_decoder')
    decoder = Decoder(SPACES, config().networks, DETER, STOCH * CLASSES)
    mlp: Any = decoder.mlp
    pixels: Any = decoder.image
    stoch_first = torch.cat([torch.arange(DETER) + STOCH * CLASSES, order()])
    put_mlp(mlp, golden, 'decoder', stoch_first)
    for layer, name in zip(mlp.out.layers, ('imu', 'joints')):
        put_linear(layer, golden, f'decoder/out/{name}')
    put_block(pixels.from_deter, golden, 'decoder/image/deter')
    put_mlp(pixels.from_stoch, golden, 'decoder/image/stoch', order(), 'out')
    put(pixels.norm.weight, golden['decoder/image/norm/scale'])
    for layer, name in zip(pixels.convolutions, ('0', '1', '2', 'out')):
        put_convolution(layer, golden, f'decoder/image/{name}')
    for index, norm in enumerate(pixels.norms):
        put(norm.weight, golden[f'decoder/image/{index}/norm/scale'])
    features = torch.cat([golden['input/deter'], ours(golden['input/stoch'])], -1)
    predicted = decoder.predict(features)
    golden.check('image_every_97', predicted['camera'].flatten()[::97])
    golden.check('image_sums', predicted['camera'].double().sum((1, 2)))
    golden.check('imu', symlog(predicted['imu']))
    golden.check('joints', symlog(predicted['joints']))
    losses = decoder.loss(features, {name: golden[f'input/{name}'] for name in SPACES})
    golden.check('image_loss', losses['image'])
    torch.testing.assert_close(losses['vector'], golden.output('imu_loss') + golden.output('joints_loss'), rtol=1e-5, atol=1e-5)


def test_lambda_returns() -> None:
    golden = Golden('v3_returns')
    reward, value, live, boot = (golden[f'input/{name}'].t() for name in ('reward', 'value', 'continue', 'bootstrap'))
    trace, discount = golden.setting['lam'], 1 - 1 / golden.setting['horizon']
    golden.check('imagined_contdisc', lambda_return(reward, value, live, trace).t())
    golden.check('imagined_discount', lambda_return(reward, value, live * discount, trace).t())
    last, term = golden['input/last'].t(), golden['input/term'].t()
    golden.check('replayed', lambda_return(reward, boot, (1 - term) * discount, (1 - last) * trace).t())


def test_normalisers_over_fifty_updates() -> None:
    golden = Golden('v3_retnorm')
    own = golden.setting['perc']
    returns = ReturnNormaliser(own['rate'], own['limit'], own['perclo'], own['perchi'])
    advantages = AdvantageNormaliser(golden.setting['meanstd']['rate'])
    ranges, scales, normalised = [], [], []
    for k in range(1, max(golden.setting['updates']) + 1):
        data = fill(f'input/returns/{k}', golden.setting['shape'], 1.0 + k) + 0.5 * k
        scale, result = returns.update(data), advantages(data)
        if k in golden.setting['updates']:
            ranges.append(returns.range[0].clone())
            scales.append(scale)
            normalised.append(result)
    golden.check('perc_offset', torch.stack(ranges))
    golden.check('perc_scale', torch.stack(scales))
    golden.check('meanstd_normalised', torch.stack(normalised))


@pytest.mark.parametrize('kind', ['default', 'fast', 'linear'])
def test_laprop(kind: str) -> None:
    golden = Golden('v3_laprop')
    own, names = golden.setting[kind], ('kernel', 'bias', 'fresh')
    optimiser_config = dataclasses.replace(
        config().optimiser, learning_rate=own['lr'], warmup=own['warmup'], epsilon=golden.setting['eps'],
        anneal=AnnealConfig(own.get('anneal', 0), own.get('final', 0.1)))
    parameters = {name: nn.Parameter(golden[name].clone()) for name in names}
    optimiser = LaProp(parameters.values(), optimiser_config)
    results: dict[str, list[Tensor]] = {name: [] for name in names}
    for step in range(1, max(golden.setting['steps']) + 1):
        for name, parameter in parameters.items():
            parameter.grad = golden[f'input/gradient/{name}/{step}']
        optimiser.step()
        if step in golden.setting['steps']:
            for name, parameter in parameters.items():
                results[name].append(parameter.detach().clone())
    for name, values in results.items():
        golden.check(f'{kind}_{name}', torch.stack(values))
    # The first rates of a warm-up are tiny: compare where the parameter is nothing but its updates. The original has 1 - beta^k
    # in float32, which is up to 3e-5 beside the true value.
    torch.testing.assert_close(torch.stack(results['fresh']), golden.output(f'{kind}_fresh'), rtol=5e-5, atol=0)


def make_behaviour(golden: Golden, **overrides: float | str | bool) -> tuple[WorldModel, Behaviour]:
    own = golden.setting
    settings = config(discount_horizon=float(own['horizon']), trace=own['lam'], entropy=own['entropy'], **overrides)
    task = Task('toy', 20.0, 10, 'toy', {'joints': TensorSpec((4,))}, ActionSpec(ACTIONS))
    model, behaviour = WorldModel(settings, task), Behaviour(settings, task)
    put_mlp(model.reward.mlp, golden, 'reward', FEATURES, 'out')
    assert model.continuation is not None
    put_mlp(model.continuation.mlp, golden, 'continue', FEATURES, 'out')
    put_mlp(behaviour.critic.mlp, golden, 'critic', FEATURES, 'out')
    put_mlp(behaviour.slow_critic.mlp, golden, 'slow_critic', FEATURES, 'out')
    actor: Any = behaviour.actor.mlp
    put_mlp(actor, golden, 'actor', FEATURES)
    for layer, name in zip(actor.out.layers, ('mean', 'std')):
        put_linear(layer, golden, f'actor/{name}')
    return model, behaviour


def imagined(golden: Golden) -> tuple[Tensor, Tensor, Tensor]:
    """Features (H+1, N, F), actions (H, N, A), and which starts are ends (N)."""
    path = golden['input/imagined'][..., FEATURES].transpose(0, 1)
    return path, golden['input/action'].transpose(0, 1)[:-1], no_ends(path)


def test_heads_on_features() -> None:
    golden = Golden('v3_behaviour')
    model, behaviour = make_behaviour(golden)
    path = imagined(golden)[0]
    golden.check('reward', model.reward.predict(path).t())
    golden.check('live', model.live(path).t())
    golden.check('value', behaviour.critic.predict(path).t())
    golden.check('slow_value', behaviour.slow_critic.predict(path).t())
    policy = behaviour.actor(path)
    golden.check('action_mean', policy.mode().transpose(0, 1))
    golden.check('action_std', policy.std.transpose(0, 1))


def test_losses_of_actor_and_critic_and_their_gradients() -> None:
    golden = Golden('v3_behaviour')
    model, behaviour = make_behaviour(golden)
    result, returns = behaviour._imagination_loss(model, *imagined(golden))
    golden.check('returns', returns.t())
    golden.check('scale', result.metrics['return/scale'])
    golden.check('policy_loss', result.losses['actor'].t())
    golden.check('value_loss', result.losses['critic'].t())
    features = golden['input/replayed'][..., FEATURES].requires_grad_()
    logits = behaviour.critic(features)
    with torch.no_grad():
        slow = behaviour.slow_critic.predict(features)
    batch = {'reward': golden['input/reward'], 'is_last': golden['input/last'].bool(), 'is_terminal': golden['input/term'].bool()}
    replayed = behaviour._replay_loss(logits, golden['input/bootstrap'], slow, batch)
    golden.check('replay_value_loss', replayed.t())
    total = result.losses['actor'].mean() + result.losses['critic'].mean() + golden.setting['repval'] * replayed.mean()
    golden.check('total', total)
    total.backward()
    back = FEATURES.argsort()
    actor: Any = behaviour.actor.mlp
    critic: Any = behaviour.critic.mlp
    mean, std = actor.out.layers
    gradients = {
        'actor_mean_kernel': mean.weight.grad.t(), 'actor_std_kernel': std.weight.grad.t(),
        'actor_first_kernel': actor.layers[0].weight.grad.t()[back],
        'critic_first_kernel': critic.layers[0].weight.grad.t()[back],
        'critic_norm': critic.norms[0].weight.grad,
        'replayed': torch.zeros(()) if features.grad is None else features.grad[..., back],
    }
    for name, gradient in gradients.items():
        expected = golden.output(f'grad_{name}')
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())
    others = [*model.parameters(), *behaviour.slow_critic.parameters()]
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in others)


def normalised_advantages(golden: Golden) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Losses, returns and their scale with mean_std advantages and the discount outside the continuation."""
    model, behaviour = make_behaviour(golden, return_limit=0.001, advantage_normalisation='mean_std', discount_in_target=False)
    result, returns = behaviour._imagination_loss(model, *imagined(golden))
    return result.losses, returns, result.metrics['return/scale']


def test_returns_with_the_discount_outside_the_continuation() -> None:
    golden = Golden('v3_behaviour')
    _, returns, scale = normalised_advantages(golden)
    golden.check('other_returns', returns.t())
    golden.check('other_scale', scale)


def test_losses_with_normalised_advantages_and_the_discount_outside_the_continuation() -> None:
    golden = Golden('v3_behaviour')
    losses, _, _ = normalised_advantages(golden)
    golden.check('other_policy_loss', losses['actor'].t())
    golden.check('other_value_loss', losses['critic'].t())
