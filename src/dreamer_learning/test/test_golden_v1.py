"""Dreamer V1 against the numbers of the authors' public code."""

import dataclasses
import math
import types
from typing import Any

import pytest
import torch
from golden_numbers import Column, Golden, put, put_convolution, put_linear, put_mlp
from golden_rssm import ACTIONS, BATCH, DETER, STOCH, TOKENS, UNITS, check_kl_gradients, check_two_steps, put_rssm
from learning_toys import CONFIG_DIR, small_config
from torch import Tensor, nn

from dreamer_learning.action_distributions import Categorical, TanhNormal
from dreamer_learning.adam import Adam, Group
from dreamer_learning.agent_config import AgentConfig, load_agent
from dreamer_learning.coders import Decoder, Encoder
from dreamer_learning.distributions import bernoulli_loss
from dreamer_learning.heads import Actor, ContinueHead, ScalarHead
from dreamer_learning.kl import KLLoss
from dreamer_learning.latents import GaussianLatent
from dreamer_learning.rssm import RSSM
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec
from dreamer_learning.value_gradient import ValueGradient

SPACES = {'image': TensorSpec((64, 64, 3), 'uint8')}
FEATURES = 5
LEAST_STD = 1e-4  # danijar/dreamer, models.py: min_std


def config(loss: dict | None = None, **behaviour: float | str) -> AgentConfig:
    return small_config(
        networks={'units': UNITS, 'depth': 2, 'mults': [1, 2, 4, 8], 'images': 'strided', 'image_loss': 'normal', 'norm': 'none',
                  'activation': 'elu', 'image_activation': 'relu', 'initialiser': 'glorot'},
        dynamics={'deter': DETER, 'hidden': UNITS, 'stoch': STOCH, 'blocks': 1, 'prior_layers': 1, 'cell': 'gru',
                  'latent': 'gaussian', 'std': 'softplus'},
        heads={'reward': 'normal', 'critic': 'normal', 'actor': 'tanh_normal', 'actor_min_std': LEAST_STD, 'actor_layers': 2,
               'continue_layers': 2},
        loss={'replay_critic': 0.0, **(loss or {})},
        behaviour={'method': 'value_gradient', 'dynamics_share': 1.0, 'entropy': 0.0, **behaviour},
        replay={'context': False},
    )


def put_keras_gru(cell: nn.GRUCell, golden: Golden) -> None:
    """Keras orders the gates update, reset, candidate; torch begins with the reset."""
    update, reset, candidate = torch.arange(3 * DETER).chunk(3)
    gates = torch.cat([reset, update, candidate])
    put(cell.weight_ih, golden['gru/kernel'].t()[gates])
    put(cell.weight_hh, golden['gru/recurrent_kernel'].t()[gates])
    put(cell.bias_ih, golden['gru/bias'][0, gates])
    put(cell.bias_hh, golden['gru/bias'][1, gates])


def test_two_steps_of_the_state_space_model(monkeypatch: pytest.MonkeyPatch) -> None:
    golden, own = Golden('v1_rssm'), config()
    rssm = RSSM(own.dynamics, ACTIONS, TOKENS, style=own.networks.style)
    core: Any = rssm.core
    put_rssm(rssm, golden)
    put_keras_gru(core.cell, golden)
    check_two_steps(golden, rssm, monkeypatch, resets=False, deter_first=False)


def test_encoder() -> None:
    golden = Golden('v1_encoder')
    encoder = Encoder(SPACES, config().networks)
    pixels: Any = encoder.image
    for index, layer in enumerate(pixels.layers):
        put_convolution(layer.convolution, golden, f'cnn/{index}')
    golden.check('embed', encoder({'image': golden['input/image']}))


def test_decoder() -> None:
    golden = Golden('v1_decoder')
    decoder = Decoder(SPACES, config().networks, DETER, STOCH)
    pixels: Any = decoder.image
    put_linear(pixels.first, golden, 'cnn/in')
    for index, layer in enumerate(pixels.layers):
        put_convolution(layer.convolution, golden, f'cnn/{index}')
    features = golden['input/feat']
    golden.check_image('image', decoder._pixels(features))
    golden.check('log_prob/image', -decoder.loss(features, {'image': golden['target/image']})['image'])


def test_heads() -> None:
    golden, own = Golden('v1_heads'), config()
    features = golden['input/feat']
    head = ScalarHead(FEATURES, 2, 'normal', own.networks, own.heads)
    put_mlp(head.mlp, golden, 'normal', outputs=['out'])
    golden.check('normal/mode', head.predict(features))
    golden.check('normal/log_prob', -head.output.loss(head(features), golden['target/normal'].unsqueeze(-1)))
    going = ContinueHead(FEATURES, own.networks, own.heads)
    put_mlp(going.mlp, golden, 'binary', outputs=['out'])
    golden.check('binary/raw', going(features))
    golden.check('binary/mean', going.predict(features))
    golden.check('binary/log_prob', -bernoulli_loss(going(features), golden['target/binary']))
    choice = Actor(FEATURES, ActionSpec(4, discrete=True), own.networks, own.heads)
    put_mlp(choice.mlp, golden, 'onehot', outputs=['out'])
    policy = choice(features)
    assert isinstance(policy, Categorical)
    golden.check('onehot/probs', torch.exp(policy._log_probs))
    golden.check('onehot/mode', policy.mode())
    golden.check('onehot/entropy', policy.entropy().squeeze(-1))
    golden.check('onehot/log_prob', policy.log_prob(golden['target/onehot']))


def test_actor() -> None:
    golden, own = Golden('v1_heads'), config()
    actor = Actor(FEATURES, ActionSpec(ACTIONS), own.networks, own.heads)
    put_mlp(actor.mlp, golden, 'tanh_normal')
    out: Any = actor.mlp.out
    # One layer of the original, the mean first, is two of ours.
    for index, layer in enumerate(out.layers):
        mine = slice(index * ACTIONS, (index + 1) * ACTIONS)
        put(layer.weight, golden['tanh_normal/out/kernel'][:, mine].t())
        put(layer.bias, golden['tanh_normal/out/bias'][mine])
    for name, policy, action in (('', actor(golden['input/feat']), 'target/action'),
                                 ('direct/', TanhNormal(golden['direct/raw'], LEAST_STD), 'direct/action')):
        assert isinstance(policy, TanhNormal)
        golden.check(f'{name}tanh_normal/loc', policy.mean)
        golden.check(f'{name}tanh_normal/scale', policy.std)
        golden.check(f'{name}tanh_normal/log_prob', policy.log_prob(golden[action]))


@pytest.mark.parametrize('free', [0.1, 3.0, 20.0])
def test_kl_loss_and_its_gradients(free: float) -> None:
    golden = Golden('v1_kl')
    own = config(loss={'free_nats': free, 'free_mean': True, 'kl_target': 0.0})
    latent = GaussianLatent(own.dynamics)
    parts = {part: [nn.Parameter(golden[f'{side}/{part}']) for side in ('posterior', 'prior')] for part in ('mean', 'std')}
    posterior, prior = (torch.stack([parts['mean'][side], parts['std'][side]], -2) for side in range(2))
    golden.check('value', latent.kl(posterior, prior))
    golden.check('entropy/posterior', latent.entropy(posterior))
    losses, _ = KLLoss(own.loss, latent)(posterior, prior)
    # The two terms have the gradients of the one loss, each to one side.
    for loss in losses.values():
        golden.check(f'free_{free}/loss', loss)
    sum(losses.values(), torch.zeros(())).backward()
    if free == 0.1:
        check_kl_gradients(golden, f'free_{free}/grad_', parts)
    else:
        assert all(not parameter.grad.any() for sides in parts.values() for parameter in sides if parameter.grad is not None)


class NoActor(nn.Module):
    """Actions that do not matter: the value gradient needs none of their probabilities."""

    def forward(self, features: Tensor) -> TanhNormal:
        return TanhNormal(torch.zeros(*features.shape[:-1], 2 * ACTIONS), LEAST_STD)


@pytest.mark.parametrize('kind', ['pcont', 'const_0.99'])
def test_losses_of_actor_and_critic(kind: str) -> None:
    golden = Golden('v1_returns')
    own = config(trace=golden.setting['lambda_'], discount_horizon=100.0)
    task = Task('toy', 20.0, 10, 'toy', {'joints': TensorSpec((4,))}, ActionSpec(ACTIONS))
    behaviour: Any = ValueGradient(own, task)
    behaviour.critic, behaviour.actor = Column(1), NoActor()
    live = golden['input/discount'] if kind == 'pcont' else torch.full((6, BATCH), 0.99)
    imagined = torch.stack([golden['input/reward'], golden['input/value'], live], -1)
    # The original's states are the imagined ones; here the one they start from comes first, and must not matter.
    path = torch.cat([torch.full((1, BATCH, 3), 7.0), imagined])
    model: Any = types.SimpleNamespace(reward=Column(0), continuation=None, live=Column(2).predict)
    result = behaviour.imagination_loss(model, path, torch.zeros(6, BATCH, ACTIONS), torch.zeros(BATCH, dtype=torch.bool))
    golden.check(f'{kind}/actor_loss', result.losses['actor'].mean())
    golden.check(f'{kind}/value_loss', result.losses['critic'].mean())
    golden.check(f'{kind}/weight', -result.losses['actor'] / golden.output(f'{kind}/returns'))
    golden.check(f'{kind}/returns', -result.losses['actor'] / golden.output(f'{kind}/weight'))


@pytest.mark.parametrize('share', [1.0, 0.5])
def test_without_values_the_actor_maximises_the_rewards_up_to_the_horizon(share: float) -> None:
    own = load_agent(CONFIG_DIR, 'dreamer_v1', 'cpu', {'behaviour': {'dynamics_share': share}}, ['no_value'])
    reward = Golden('v1_returns')['input/reward']  # (H+1, N)
    behaviour: Any = ValueGradient(own, Task('toy', 20.0, 10, 'toy', {'joints': TensorSpec((4,))}, ActionSpec(ACTIONS)))
    model: Any = types.SimpleNamespace(reward=Column(0), continuation=None, live=Column(1).predict)
    path = torch.stack([reward, torch.full_like(reward, 0.99), torch.full_like(reward, torch.inf)], -1)
    behaviour.critic, behaviour.actor = Column(2), NoActor()
    actions = torch.zeros(len(reward) - 1, BATCH, ACTIONS)
    losses = behaviour.imagination_loss(model, path, actions, torch.zeros(BATCH, dtype=torch.bool)).losses
    assert set(losses) == {'actor'}
    log_prob = TanhNormal(torch.zeros(2 * ACTIONS), LEAST_STD).log_prob(actions[0, 0])
    for start in range(1, len(reward) - 1):
        returns = sum((0.99**step * reward[start + step] for step in range(len(reward) - start)), torch.zeros(BATCH))
        expected = -0.99**(start - 1) * returns * (share + (1 - share) * log_prob)
        torch.testing.assert_close(losses['actor'][start - 1], expected, rtol=1e-5, atol=1e-5)


def test_the_penalty_on_means_belongs_to_the_actors_loss() -> None:
    class Leaning(nn.Module):
        def forward(self, features: Tensor) -> TanhNormal:
            return TanhNormal(torch.full((*features.shape[:-1], 2 * ACTIONS), 2.0), LEAST_STD)

    task = Task('toy', 20.0, 10, 'toy', {'joints': TensorSpec((4,))}, ActionSpec(ACTIONS))
    path = torch.stack([torch.ones(5, BATCH), torch.full((5, BATCH), 0.5), torch.ones(5, BATCH)], -1)
    model: Any = types.SimpleNamespace(reward=Column(0), continuation=None, live=Column(1).predict)
    losses = []
    for penalty in (0.0, 0.1):
        behaviour: Any = ValueGradient(config(mean_penalty=penalty), task)
        behaviour.critic, behaviour.actor = Column(2), Leaning()
        loss = behaviour.imagination_loss(model, path, torch.zeros(4, BATCH, ACTIONS), torch.zeros(BATCH, dtype=torch.bool))
        losses.append(loss.losses['actor'])
    mean = 5 * math.tanh(2 / 5)
    weight = torch.tensor([1.0, 0.5, 0.25]).unsqueeze(1).expand(-1, BATCH)
    torch.testing.assert_close(losses[1] - losses[0], weight * 0.1 * ACTIONS * mean**2)


def test_adam() -> None:
    golden = Golden('v1_adam')
    own = golden.setting
    settings = dataclasses.replace(config().optimiser, method='adam', learning_rate=own['lr'], epsilon=own['eps'],
                                   clip=own['clip'], decay=own['wd'])
    parameters = {name: nn.Parameter(golden[f'param/{name}']) for name in ('kernel', 'bias')}
    optimiser = Adam([Group('model', list(parameters.values()), own['lr'])], settings)
    for step in range(1, 4):
        for name, parameter in parameters.items():
            parameter.grad = golden[f'grad/{step}/{name}']
        golden.check(f'{step}/grad_norm', optimiser.step())
        for name, parameter in parameters.items():
            golden.check(f'{step}/{name}', parameter, tolerance=5e-7)
