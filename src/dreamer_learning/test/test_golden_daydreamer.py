"""DayDreamer's agent against the numbers of the authors' public code."""

import dataclasses
import types
from typing import Any

import pytest
import torch
from behaviour_toys import no_ends
from golden_numbers import Column, Golden, class_order, fill, put, put_convolution, put_mlp, put_norm
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

from dreamer_learning.action_distributions import BoundedNormal, Categorical, Normal
from dreamer_learning.adam import Adam, Group
from dreamer_learning.agent_config import AgentConfig, load_agent
from dreamer_learning.behaviour import Behaviour, lambda_return
from dreamer_learning.coders import Decoder, Encoder
from dreamer_learning.distributions import bernoulli_loss, squared_error, symlog_mse
from dreamer_learning.heads import Actor, ContinueHead, ScalarHead, SymlogOutput
from dreamer_learning.kl import KLLoss
from dreamer_learning.latents import CategoricalLatent
from dreamer_learning.networks import MLP, symexp
from dreamer_learning.normalise import AdvantageNormaliser
from dreamer_learning.rssm import RSSM
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec

SPACES = {'image': TensorSpec((64, 64, 3), 'uint8'), 'vector': TensorSpec((7,)), 'extra': TensorSpec((2,))}
SORTED = torch.tensor([7, 8, *range(7)])
"""The original's numbers of our vector elements: it keeps the order of the space."""
STATE = torch.cat([torch.arange(DETER), class_order(STOCH, CLASSES, DETER)])
"""The original's numbers of our features, for [deter, stoch]."""
FEATURES, CHOICES = 5, 4


def config(networks: dict | None = None, loss: dict | None = None, **behaviour: float | str | bool) -> AgentConfig:
    return small_config(
        networks={'units': UNITS, 'encoder_layers': 2, 'decoder_layers': 2, 'depth': 2, 'mults': [1, 2, 4, 8],
                  'images': 'strided', 'image_dense': False, 'image_loss': 'mse', 'image_centre': 0.0, 'vector_loss': 'mse',
                  'norm': 'layer', 'activation': 'elu', 'initialiser': 'glorot', **(networks or {})},
        dynamics={'deter': DETER, 'hidden': UNITS, 'stoch': STOCH, 'classes': CLASSES, 'blocks': 1, 'prior_layers': 3,
                  'unimix': 0.01, 'cell': 'norm_gru', 'initial': 'learned'},
        heads={'reward': 'symlog', 'critic': 'symlog', 'actor': 'normal', 'actor_layers': 2, 'continue_layers': 2,
               'actor_min_std': 0.1, 'actor_max_std': 1.0, 'actor_unimix': 0.1},
        loss={'replay_critic': 0.0, 'free_nats': 0.0, **(loss or {})},
        behaviour={'slow_target': True, 'slow_regulariser': 0.0, 'return_normalisation': 'none', 'discount_in_target': False,
                   'entropy': 1.0, 'entropy_target': 0.5, 'entropy_rate': 0.1, 'entropy_unit': 'share', **behaviour},
        replay={'context': False},
    )


def make_behaviour(discrete: bool = False, **behaviour: float | str | bool) -> Behaviour:
    task = Task('toy', 20.0, 10, 'toy', {'joints': TensorSpec((4,))}, ActionSpec(CHOICES if discrete else ACTIONS, discrete))
    return Behaviour(config(**behaviour), task)


def make_rssm(golden: Golden) -> RSSM:
    own = config()
    rssm = RSSM(own.dynamics, ACTIONS, TOKENS, style=own.networks.style)
    put_rssm(rssm, golden)
    # The original's GRU has [deter, input].
    put_norm_gru(rssm, golden, torch.cat([torch.arange(UNITS) + DETER, torch.arange(DETER)]))
    put(rssm.first_deter, golden['initial/deter'])
    return rssm


def test_two_steps_of_the_state_space_model(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden('daydreamer_rssm')
    check_two_steps(golden, make_rssm(golden), monkeypatch, resets=True, deter_first=True)


def test_initial_state_is_learned_through_deter_alone() -> None:
    golden = Golden('daydreamer_rssm')
    rssm = make_rssm(golden)
    deter, stoch = rssm.initial(1, torch.device('cpu'))
    golden.check('initial/deter', deter[0])
    golden.check('initial/stoch', original(stoch[0]))
    assert deter.requires_grad
    assert not stoch.requires_grad


def test_encoder() -> None:
    golden = Golden('daydreamer_encoder')
    encoder = Encoder(SPACES, config({'depth': 3}).networks)
    put_mlp(encoder.mlp, golden, 'mlp', SORTED)
    pixels: Any = encoder.image
    for index, layer in enumerate(pixels.layers):
        put_convolution(layer.convolution, golden, f'cnn/{index}')
        put_norm(layer.after, golden, f'cnn/{index}')
    tokens = encoder({name: golden[f'input/{name}'] for name in SPACES})
    # LayerNorm over three channels divides by small deviations.
    golden.check('embed', torch.cat([tokens[:, UNITS:], tokens[:, :UNITS]], -1), tolerance=2e-5)


def test_decoder() -> None:
    golden = Golden('daydreamer_decoder')
    decoder = Decoder(SPACES, config().networks, DETER, STOCH * CLASSES)
    put_mlp(decoder.mlp, golden, 'mlp', STATE, ['extra', 'vector'])
    pixels: Any = decoder.image
    for index, layer in enumerate(pixels.layers):
        kernel = golden[f'cnn/{index}/kernel'].permute(3, 2, 0, 1)
        put(layer.convolution.weight, kernel[STATE] if index == 0 else kernel)
        put(layer.convolution.bias, golden[f'cnn/{index}/bias'])
        if layer.after is not None:
            put_norm(layer.after, golden, f'cnn/{index}')
    features = torch.cat([golden['input/deter'], ours(golden['input/stoch'])], -1)
    predicted = decoder.predict(features)
    targets = {name: golden[f'target/{name}'] for name in SPACES}
    golden.check_image('image', predicted['image'])
    for name in ('vector', 'extra'):
        golden.check(name, predicted[name])
        golden.check(f'log_prob/{name}', -squared_error(predicted[name], targets[name]))
    losses = decoder.loss(features, targets)
    golden.check('log_prob/image', -losses['image'])
    both = golden.output('log_prob/vector') + golden.output('log_prob/extra')
    torch.testing.assert_close(-losses['vector'], both, rtol=1e-5, atol=1e-5)


def test_heads() -> None:
    golden, own = Golden('daydreamer_heads'), config()
    features = golden['input/feat']
    head = ScalarHead(FEATURES, 2, 'symlog', own.networks, own.heads)
    put_mlp(head.mlp, golden, 'symlog', outputs=['out'])
    golden.check('symlog/raw', head(features).squeeze(-1))
    golden.check('symlog/mode', head.predict(features))
    golden.check('symlog/mean', head.predict(features))
    golden.check('symlog/log_prob', -head.output.loss(head(features), golden['target/symlog'].unsqueeze(-1)))
    mse = MLP(FEATURES, UNITS, 2, 2, style=own.networks.style)
    put_mlp(mse, golden, 'mse', outputs=['out'])
    golden.check('mse/mode', mse(features))
    golden.check('mse/log_prob', -squared_error(mse(features), golden['target/mse']))
    going = ContinueHead(FEATURES, own.networks, own.heads)
    put_mlp(going.mlp, golden, 'binary', outputs=['out'])
    golden.check('binary/raw', going(features))
    golden.check('binary/mean', going.predict(features))
    golden.check('binary/mode', (going(features) > 0).float())
    golden.check('binary/log_prob', -bernoulli_loss(going(features), golden['target/binary']))
    raw, target = golden['direct/raw'], golden['direct/symlog_target']
    golden.check('direct/symlog/mode', symexp(raw))
    golden.check('direct/symlog/log_prob', -symlog_mse(raw, target))
    golden.check('direct/symlog/log_prob', -SymlogOutput().loss(raw, target))


def test_actor_of_continuous_actions() -> None:
    golden, own = Golden('daydreamer_heads'), config()
    actor = Actor(FEATURES, ActionSpec(ACTIONS), own.networks, own.heads)
    put_mlp(actor.mlp, golden, 'normal', outputs=['out', 'std'])
    policy = actor(golden['input/feat'])
    assert isinstance(policy, Normal)
    golden.check('normal/mean', policy.mean)
    golden.check('normal/mode', policy.mode())
    golden.check('normal/std', policy.std)
    golden.check('normal/entropy_per_dim', policy.entropy())
    golden.check('normal/entropy_normalised_per_dim', policy.entropy_share(policy.entropy()))
    golden.check('normal/log_prob', policy.log_prob(golden['target/action']))
    for bound, share in (('min', 0.0), ('max', 1.0)):
        found = policy.entropy_share(golden.output(f'normal/{bound}ent') / ACTIONS)
        torch.testing.assert_close(found, torch.tensor(share), rtol=1e-5, atol=1e-5)
    raw = golden['direct/raw']
    direct = Normal(torch.cat([raw, raw], -1), golden.setting['minstd'], golden.setting['maxstd'])
    golden.check('direct/normal/mean', direct.mean)
    golden.check('direct/normal/std', direct.std)


def test_actor_of_discrete_actions() -> None:
    golden, own = Golden('daydreamer_heads'), config()
    actor = Actor(FEATURES, ActionSpec(CHOICES, discrete=True), own.networks, own.heads)
    put_mlp(actor.mlp, golden, 'onehot', outputs=['out'])
    policy = actor(golden['input/feat'])
    direct = Categorical(golden['direct/raw'], golden.setting['actor_unimix'])
    assert isinstance(policy, Categorical)
    golden.check('onehot/logits', policy._log_probs)
    golden.check('onehot/probs', torch.exp(policy._log_probs))
    golden.check('onehot/mode', policy.mode())
    golden.check('onehot/entropy', policy.entropy().squeeze(-1))
    golden.check('onehot/entropy_normalised', policy.entropy_share(policy.entropy()).squeeze(-1))
    golden.check('onehot/log_prob', policy.log_prob(golden['target/onehot']))
    golden.check('direct/onehot/probs', torch.exp(direct._log_probs))
    golden.check('direct/onehot/entropy', direct.entropy().squeeze(-1))
    golden.check('direct/onehot/log_prob', direct.log_prob(torch.eye(CHOICES)[[0, 3]]))


def test_kl_loss_and_its_gradients() -> None:
    golden, own = Golden('daydreamer_kl'), config(loss={'kl_target': 0.0})
    latent = CategoricalLatent(dataclasses.replace(own.dynamics, unimix=0.0))  # the fixture's logits are mixed already
    parts = {'logit': [nn.Parameter(golden[f'{side}/logit']) for side in ('posterior', 'prior')]}
    losses, _ = KLLoss(own.loss, latent)(*(latent.statistics(ours(logit)) for logit in parts['logit']))
    balance = golden.setting['balance']
    total = balance * losses['dynamics'] + (1 - balance) * losses['representation']
    golden.check('kl', total)
    total.mean().backward()
    check_kl_gradients(golden, 'grad_of_mean_', parts)


def test_the_vector_decoder_begins_with_a_tenth_of_the_variance() -> None:
    own = load_agent(CONFIG_DIR, 'daydreamer', 'cpu', {'networks': {'decoder_layers': 1}})
    torch.manual_seed(0)
    decoder = Decoder({'one': TensorSpec((200,)), 'other': TensorSpec((300,))}, own.networks, DETER, STOCH * CLASSES)
    inputs = own.networks.units
    for layer, size in zip(decoder.mlp.out.layers, (200, 300)):
        assert layer.weight.shape == (size, inputs)
        assert layer.weight.var().item() == pytest.approx(0.1 * 2 / (inputs + size), rel=0.02)
    hidden = decoder.mlp.layers[0].weight
    assert hidden.var().item() == pytest.approx(2 / sum(hidden.shape), rel=0.1)


def test_scale_of_the_kl_over_six_updates() -> None:
    golden = Golden('daydreamer_kl')
    own = config(loss={'kl_target': golden.setting['wmkl']['target']})
    scale = KLLoss(own.loss, CategoricalLatent(own.dynamics)).scale
    values = [golden[f'wmkl/{update}'] for update in range(1, 7)]
    means = torch.stack([value.mean() for value in values])
    scales = torch.stack([scale.update(mean).clone() for mean in means])
    golden.check('wmkl/mean', means)
    golden.check('wmkl/scale', scales)
    golden.check('wmkl/4/loss', scales[3] * values[3])


def test_scale_of_the_entropy_over_six_updates() -> None:
    golden = Golden('daydreamer_kl')
    scale = make_behaviour(entropy_target=golden.setting['actent']['target']).entropy
    shares = [golden[f'actent/{update}'] + golden[f'actent/{update}/offset'] for update in range(1, 7)]
    means = torch.stack([share.flatten(0, -2).mean(0) for share in shares])
    scales = torch.stack([scale.update(mean).clone() for mean in means])
    golden.check('actent/mean', means)
    golden.check('actent/scale', scales)
    golden.check('actent/6/loss_first_step', -scales[5] * shares[5][0])


def test_returns() -> None:
    golden = Golden('daydreamer_returns')
    reward = torch.cat([torch.zeros(1, 3), golden['input/reward']])
    live = golden['input/cont'] * golden.setting['discount']
    for kind in ('gve', 'gae'):
        golden.check(f'target/{kind}', lambda_return(reward, golden['input/value'], live, golden.setting['lambda_']))


def test_normaliser_of_advantages_over_fifty_updates() -> None:
    golden = Golden('daydreamer_returns')
    normaliser = AdvantageNormaliser(1 - golden.setting['advnorm']['decay'])
    for update in range(1, 51):
        result = normaliser(fill(f'adv/{update}', (5, 3), 1 + 0.05 * update) + torch.tensor(0.02 * update))
        if update in (1, 2, 10, 50):
            golden.check(f'advnorm/{update}', result)
    golden.check('advnorm/mean', normaliser.moments[0])
    golden.check('advnorm/sqrs', normaliser.moments[1])


class GivenActor(nn.Module):
    """The distribution whose parameters are the last features."""

    def __init__(self, discrete: bool) -> None:
        super().__init__()
        self.discrete = discrete

    def forward(self, features: Tensor) -> BoundedNormal | Categorical:
        return Categorical(features[..., 3:]) if self.discrete else Normal(features[..., 3:], 0.1, 1.0)


class GivenScore(nn.Module):
    """Normalised advantages that a fixture gives."""

    def __init__(self, score: Tensor) -> None:
        super().__init__()
        self.score = score

    def forward(self, advantage: Tensor) -> Tensor:
        return self.score


@pytest.mark.parametrize(('kind', 'gradient'), [('normal', 'backprop'), ('normal', 'reinforce'), ('onehot', 'reinforce')])
def test_loss_of_the_actor(kind: str, gradient: str) -> None:
    golden, discrete = Golden('daydreamer_returns'), kind == 'onehot'
    discount = golden.setting['discount']
    reward = torch.cat([torch.zeros(1, 3), golden['input/reward']])
    std = (golden['input/actor_std'] - 0.1) / 0.9
    parameters = (golden['input/actor_logit'] if discrete
                  else torch.cat([torch.atanh(golden['input/actor_mean']), torch.logit(std)], -1))
    live = discount * golden['input/cont']
    path = torch.cat([torch.stack([reward, live, golden['input/value']], -1), parameters], -1)
    behaviour: Any = make_behaviour(discrete, trace=golden.setting['lambda_'], discount_horizon=1 / (1 - discount),
                                    actor_gradient='dynamics' if gradient == 'backprop' else gradient)
    behaviour.slow_critic = behaviour.critic = Column(2)
    behaviour.actor, behaviour.advantages = GivenActor(discrete), GivenScore(golden['input/score'])
    model: Any = types.SimpleNamespace(reward=Column(0), continuation=None, live=Column(1).predict)
    actions = golden['input/action_onehot' if discrete else 'input/action'][:-1]
    result, returns = behaviour._imagination_loss(model, path, actions, no_ends(path))
    golden.check('target/gve', returns)
    torch.testing.assert_close(result.metrics['weight'], golden.output('weight')[:-1].mean(), rtol=1e-5, atol=1e-5)
    name = f'actor_loss/{kind}_{gradient}'
    golden.check(name, result.losses['actor'])
    golden.check(f'{name}/actent_scale', behaviour.entropy.scale.squeeze())


@pytest.mark.parametrize('kind', ['default', 'visible'])
def test_adam(kind: str) -> None:
    golden = Golden('daydreamer_adam')
    own = golden.setting
    rate = own[f'lr_{kind}']
    settings = dataclasses.replace(config().optimiser, method='adam', learning_rate=rate, epsilon=own['eps'], clip=own['clip'],
                                   decay=own[f'wd_{kind}'], decay_kernels=True, epsilon_corrected=True)
    parameters = {name: nn.Parameter(golden[f'param/{name}']) for name in ('kernel', 'bias')}
    optimiser = Adam([Group('model', list(parameters.values()), rate)], settings)
    for step in range(1, 4):
        for name, parameter in parameters.items():
            parameter.grad = golden[f'grad/{step}/{name}']
        golden.check(f'grad_norm/{step}', optimiser.step())
        for name, parameter in parameters.items():
            golden.check(f'{kind}/{step}/{name}', parameter, tolerance=5e-7)
