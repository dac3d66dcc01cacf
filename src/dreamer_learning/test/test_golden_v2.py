"""DreamerV2 against the numbers of the authors' public code."""

import dataclasses
import types
from typing import Any

import pytest
import torch
from golden_numbers import Column, Golden, put_convolution, put_linear, put_mlp
from golden_rssm import (
    ACTIONS,
    CLASSES,
    DETER,
    STOCH,
    TOKENS,
    UNITS,
    check_kl_gradients,
    check_two_steps,
    original,
    ours,
    put_norm_gru,
    put_rssm,
)
from learning_toys import CONFIG_DIR, small_config
from torch import Tensor, nn

from dreamer_learning.action_distributions import Categorical, TruncatedNormal
from dreamer_learning.adam import Adam, Group
from dreamer_learning.agent_config import AgentConfig, load_agent
from dreamer_learning.coders import Decoder, Encoder
from dreamer_learning.distributions import bernoulli_loss, normal_loss
from dreamer_learning.heads import Actor, ContinueHead, ScalarHead
from dreamer_learning.kl import KLLoss
from dreamer_learning.latents import CategoricalLatent, make_latent
from dreamer_learning.networks import Style
from dreamer_learning.rssm import RSSM
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec
from dreamer_learning.value_gradient import ValueGradient, state_returns

SPACES = {'image': TensorSpec((64, 64, 3), 'uint8'), 'vector': TensorSpec((7,)), 'extra': TensorSpec((2,))}
SORTED = torch.tensor([7, 8, *range(7)])
"""The original's numbers of our vector elements: it keeps the order of the space."""
FEATURES, CHOICES = 5, 4


def config(loss: dict | None = None, gaussian: bool = False, **behaviour: float | str | bool) -> AgentConfig:
    return small_config(
        networks={'units': UNITS, 'encoder_layers': 2, 'decoder_layers': 2, 'depth': 2, 'mults': [1, 2, 4, 8],
                  'images': 'strided', 'image_loss': 'normal', 'vector_loss': 'normal', 'norm': 'none', 'activation': 'elu',
                  'initialiser': 'glorot'},
        dynamics={'deter': DETER, 'hidden': UNITS, 'stoch': STOCH, 'classes': CLASSES, 'blocks': 1, 'prior_layers': 1,
                  'unimix': 0.0, 'cell': 'norm_gru', 'latent': 'gaussian' if gaussian else 'categorical', 'std': 'sigmoid2'},
        heads={'reward': 'normal', 'critic': 'normal', 'actor': 'truncated', 'actor_layers': 2, 'continue_layers': 2},
        loss={'replay_critic': 0.0, **(loss or {})},
        behaviour={'method': 'value_gradient', 'slow_target': True, **behaviour},
        replay={'context': False},
    )


class BiasedStyle(Style):
    """LayerNorm behind layers that keep their bias: what the original does where its configuration says norm 'layer'."""

    @property
    def bias(self) -> bool:
        return True


@pytest.mark.parametrize('kind', ['rssm', 'rssm_gaussian', 'rssm_norm'])
def test_two_steps_of_the_state_space_model(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    golden, own = Golden(f'v2_{kind}'), config(gaussian=kind == 'rssm_gaussian')
    style = BiasedStyle('layer', 'elu', 'glorot') if kind == 'rssm_norm' else own.networks.style
    rssm = RSSM(own.dynamics, ACTIONS, TOKENS, style=style)
    put_rssm(rssm, golden)
    put_norm_gru(rssm, golden)
    check_two_steps(golden, rssm, monkeypatch, resets=True, deter_first=False)


def test_encoder() -> None:
    golden = Golden('v2_encoder')
    encoder = Encoder(SPACES, config().networks)
    put_mlp(encoder.mlp, golden, 'mlp', SORTED)
    pixels: Any = encoder.image
    for index, layer in enumerate(pixels.layers):
        put_convolution(layer.convolution, golden, f'cnn/{index}')
    tokens = encoder({name: golden[f'input/{name}'] for name in SPACES})
    golden.check('mlp', tokens[:, :UNITS])
    golden.check('cnn', tokens[:, UNITS:])
    golden.check('embed', torch.cat([tokens[:, UNITS:], tokens[:, :UNITS]], -1))


def test_decoder() -> None:
    golden = Golden('v2_decoder')
    decoder = Decoder(SPACES, config().networks, DETER, STOCH * CLASSES)
    put_mlp(decoder.mlp, golden, 'mlp', outputs=['extra', 'vector'])
    pixels: Any = decoder.image
    put_linear(pixels.first, golden, 'cnn/in')
    for index, layer in enumerate(pixels.layers):
        put_convolution(layer.convolution, golden, f'cnn/{index}')
    features = golden['input/feat']
    golden.check_image('image', decoder._pixels(features))
    predicted = decoder.predict(features)
    targets = {name: golden[f'target/{name}'] for name in SPACES}
    for name in ('vector', 'extra'):
        golden.check(name, predicted[name])
        golden.check(f'log_prob/{name}', -normal_loss(predicted[name], targets[name]))
    losses = decoder.loss(features, targets)
    golden.check('log_prob/image', -losses['image'])
    both = golden.output('log_prob/vector') + golden.output('log_prob/extra')
    torch.testing.assert_close(-losses['vector'], both, rtol=1e-5, atol=1e-5)


def test_heads() -> None:
    golden, own = Golden('v2_heads'), config()
    features = golden['input/feat']
    head = ScalarHead(FEATURES, 2, 'normal', own.networks, own.heads)
    put_mlp(head.mlp, golden, 'mse', outputs=['out'])
    golden.check('mse/mode', head.predict(features))
    golden.check('mse/log_prob', -head.output.loss(head(features), golden['target/mse'].unsqueeze(-1)))
    going = ContinueHead(FEATURES, own.networks, own.heads)
    put_mlp(going.mlp, golden, 'binary', outputs=['out'])
    golden.check('binary/raw', going(features))
    golden.check('binary/mean', going.predict(features))
    golden.check('binary/mode', (going(features) > 0).float())
    golden.check('binary/log_prob', -bernoulli_loss(going(features), golden['target/binary']))


def test_actor_of_discrete_actions() -> None:
    golden, own = Golden('v2_heads'), config()
    actor = Actor(FEATURES, ActionSpec(CHOICES, discrete=True), own.networks, own.heads)
    put_mlp(actor.mlp, golden, 'onehot', outputs=['out'])
    golden.check('onehot/raw', actor.mlp(golden['input/feat']))
    policy = actor(golden['input/feat'])
    assert isinstance(policy, Categorical)
    golden.check('onehot/probs', torch.exp(policy._log_probs))
    golden.check('onehot/mode', policy.mode())
    golden.check('onehot/entropy', policy.entropy().squeeze(-1))
    golden.check('onehot/log_prob', policy.log_prob(golden['target/onehot']))


def test_actor_of_continuous_actions() -> None:
    golden, own = Golden('v2_heads'), config()
    actor = Actor(FEATURES, ActionSpec(ACTIONS), own.networks, own.heads)
    put_mlp(actor.mlp, golden, 'trunc_normal', outputs=['out', 'std'])
    policy = actor(golden['input/feat'])
    assert isinstance(policy, TruncatedNormal)
    golden.check('trunc_normal/loc', policy.mean)
    golden.check('trunc_normal/scale', policy.std)
    golden.check('trunc_normal/mode', policy.mode())
    golden.check('trunc_normal/entropy', policy.entropy().sum(-1))
    golden.check('trunc_normal/log_prob', policy.log_prob(golden['target/action']))


def test_truncated_normal_at_the_edges_of_its_parameters() -> None:
    golden = Golden('v2_heads')
    least = golden.setting['min_std']
    mean, std = golden['direct/loc'].double(), golden['direct/scale'].double()
    parameters = torch.stack([torch.atanh(mean), 2 * torch.logit(((std - least) / 2).clamp(0, 1))], -1).float()
    policy = TruncatedNormal(parameters, least)
    golden.check('direct/trunc_normal/mode', policy.mode().squeeze(-1))
    golden.check('direct/trunc_normal/entropy', policy.entropy().squeeze(-1))
    golden.check('direct/trunc_normal/log_prob', policy.log_prob(golden['direct/value'].unsqueeze(-1)))


@pytest.mark.parametrize('average', [True, False])
@pytest.mark.parametrize('level', [0, 1, 2])
@pytest.mark.parametrize('kind', ['kl', 'kl_gaussian'])
def test_kl_loss_and_its_gradients(kind: str, level: int, average: bool) -> None:
    golden = Golden(f'v2_{kind}')
    free = golden.setting['free'][level]
    own = config({'free_nats': free, 'free_mean': average, 'kl_target': 0.0}, gaussian=kind == 'kl_gaussian')
    latent = make_latent(own.dynamics)
    names = ['logit'] if isinstance(latent, CategoricalLatent) else ['mean', 'std']
    parts = {name: [nn.Parameter(golden[f'{side}/{name}']) for side in ('posterior', 'prior')] for name in names}
    posterior, prior = (
        latent.statistics(ours(parts['logit'][side])) if 'logit' in parts
        else torch.stack([parts['mean'][side], parts['std'][side]], -2) for side in range(2))
    golden.check('value', latent.kl(posterior, prior))
    golden.check('entropy/posterior', latent.entropy(posterior))
    golden.check('entropy/prior', latent.entropy(prior))
    losses, _ = KLLoss(own.loss, latent)(posterior, prior)
    means = {name: loss.mean() for name, loss in losses.items()}
    total = 0.8 * means['dynamics'] + 0.2 * means['representation']
    case = f'balance_0.8_free_{free}_avg_{str(average).lower()}'
    golden.check(f'{case}/loss', total)
    total.backward()
    if level < 2:
        check_kl_gradients(golden, f'{case}/grad_', parts)


@pytest.mark.parametrize('level', [0, 1, 2])
def test_without_balancing_it_is_the_plain_kl_with_free_nats_of_each_element(level: int) -> None:
    golden = Golden('v2_kl')
    free = golden.setting['free'][level]
    own = load_agent(CONFIG_DIR, 'dreamer_v2', 'cpu', {'loss': {'free_nats': free}}, ['no_kl_balancing']).loss
    latent = make_latent(config().dynamics)
    parts = [nn.Parameter(golden[f'{side}/logit']) for side in ('posterior', 'prior')]
    posterior, prior = (latent.statistics(ours(logit)) for logit in parts)
    losses, _ = KLLoss(own, latent)(posterior, prior)
    for loss in losses.values():
        golden.check(f'balance_0.5_free_{free}_avg_true/loss', loss.mean())
    total = torch.stack([loss.mean() * own.scale(name) for name, loss in losses.items()]).sum()
    plain = latent.kl(posterior, prior).clamp(min=free).mean()
    for mine, expected in zip(torch.autograd.grad(total, parts, retain_graph=True), torch.autograd.grad(plain, parts)):
        assert expected.any() == (level < 2)
        torch.testing.assert_close(mine, expected)


def test_kl_of_distant_logits_is_finite() -> None:
    latent = make_latent(config().dynamics)
    near = torch.zeros(1, STOCH * CLASSES)
    far = nn.Parameter(300 * original(torch.eye(STOCH * CLASSES)[:1]).flatten(1))
    kl = latent.kl(latent.statistics(far), latent.statistics(near)) + latent.kl(latent.statistics(near), latent.statistics(far))
    kl.sum().backward()
    assert torch.isfinite(kl).all()
    assert far.grad is not None
    assert torch.isfinite(far.grad).all()


def test_returns() -> None:
    golden = Golden('v2_returns')
    reward, value, live = (golden[f'input/{name}'] for name in ('reward', 'value', 'discount'))
    for name, trace in (('target', golden.setting['lambda_']), ('target_lambda_0.0', 0.0), ('target_lambda_1.0', 1.0)):
        golden.check(name, state_returns(reward, value, live, trace))


class GivenActor(nn.Module):
    """Its logits are the last features."""

    def forward(self, features: Tensor) -> Categorical:
        return Categorical(features[..., -CHOICES:])


@pytest.mark.parametrize(('name', 'share'), [('dynamics', 1.0), ('reinforce', 0.0), ('both', 0.1)])
def test_losses_of_actor_and_critic(name: str, share: float) -> None:
    golden = Golden('v2_returns')
    columns = [golden[f'input/{column}'].unsqueeze(-1) for column in ('reward', 'discount', 'value', 'critic')]
    path = torch.cat([*columns, golden['input/actor_logit']], -1)
    task = Task('toy', 20.0, 10, 'toy', {'joints': TensorSpec((4,))}, ActionSpec(CHOICES, discrete=True))
    model: Any = types.SimpleNamespace(reward=Column(0), continuation=None, live=Column(1).predict)
    losses: dict[str, list[Tensor]] = {'actor': [], 'critic': []}
    # The first continuation is the real one, here never an end, times the discount: one discount for each column.
    for column, discount in enumerate(golden['input/discount'][0].double().tolist()):
        own = config(trace=golden.setting['lambda_'], discount_horizon=1 / (1 - discount), dynamics_share=share,
                     entropy=golden.setting['actor_entropy'])
        behaviour: Any = ValueGradient(own, task)
        behaviour.slow_critic, behaviour.critic, behaviour.actor = Column(2), Column(3), GivenActor()
        mine = slice(column, column + 1)
        # Action t of the original led to state t.
        result = behaviour.imagination_loss(model, path[:, mine], golden['input/action'][1:, mine], torch.tensor([False]))
        for kind, values in losses.items():
            values.append(result.losses[kind])
        torch.testing.assert_close(result.metrics['weight'], golden.output('weight')[:, column].mean(), rtol=1e-5, atol=1e-5)
    golden.check(f'actor_loss/{name}', torch.cat(losses['actor'], 1).mean())
    golden.check('critic_loss', torch.cat(losses['critic'], 1).mean())


@pytest.mark.parametrize('kind', ['default', 'visible'])
def test_adam(kind: str) -> None:
    golden = Golden('v2_adam')
    own = golden.setting
    settings = dataclasses.replace(config().optimiser, method='adam', learning_rate=own['lr'], epsilon=own['eps'],
                                   clip=own['clip'], decay=own[f'wd_{kind}'])
    parameters = {name: nn.Parameter(golden[f'param/{name}']) for name in ('kernel', 'bias')}
    optimiser = Adam([Group('model', list(parameters.values()), own['lr'])], settings)
    for step in range(1, 4):
        for name, parameter in parameters.items():
            parameter.grad = golden[f'grad/{step}/{name}']
        golden.check(f'grad_norm/{step}', optimiser.step())
        for name, parameter in parameters.items():
            golden.check(f'{kind}/{step}/{name}', parameter, tolerance=5e-7)
