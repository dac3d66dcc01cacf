"""The networks of a policy step in NumPy, for vector observations on a CPU.

A robot asks for one step every 20 to 50 ms. In between, training fills the caches, and PyTorch's way to each of its hundred
small operations has to be fetched from memory again: a step then takes four times as long as here, where only NumPy's loops and
its matrix product run. Values are those of the torch modules up to rounding; test_policy.py compares the two.

Shapes: E environments, D deterministic units in G blocks of I, U hidden units, S latent variables of C classes, A action.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from torch import Tensor

from dreamer_learning.action_distributions import TruncatedNormal
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.networks import NORM_EPSILON
from dreamer_learning.spaces import Task

Array = np.ndarray
NORMAL = NormalDist()


class Layer(NamedTuple):
    """Linear, RMSNorm, SiLU."""

    weight: Array  # (I, O)
    bias: Array  # (O)
    scale: Array  # (O)


class ArrayNetworks:
    """Encoder, transition, posterior and actor with the parameters of a PolicyNetworks state."""

    @staticmethod
    def fit(config: AgentConfig, task: Task) -> bool:
        """Whether these are the agent's networks: DreamerV3's for vectors."""
        networks, dynamics = config.networks, config.dynamics
        return (
            not any(spec.image for spec in task.observation.values())
            and (networks.norm, networks.activation, networks.vector_loss) == ('rms', 'silu', 'symlog')
            and (dynamics.cell, dynamics.latent, dynamics.initial) == ('block_gru', 'categorical', 'zeros')
            and config.behaviour.method != 'planning' and (task.action.discrete or config.heads.actor in ('bounded', 'truncated'))
        )

    def __init__(self, config: AgentConfig, task: Task) -> None:
        self._config, self._task = config, task
        self._seen = sorted(task.observation.items())

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over parameters; see Policy.load for the checks."""
        arrays = {name: value.detach().numpy() for name, value in state.items()}
        self._encoder = _layers(arrays, 'encoder.mlp')
        self._actor = _layers(arrays, 'actor.mlp')
        self._load_core(arrays)
        first, norm, out = (f'rssm.posterior.{part}.' for part in ('first', 'norm', 'out'))
        deter = self._config.dynamics.deter
        self._posterior = _layer(arrays[first + 'weight'], arrays[first + 'bias'], arrays[norm + 'weight'])
        self._posterior_deter, self._posterior_tokens = self._posterior.weight[:deter], self._posterior.weight[deter:]
        self._logits = _transposed(arrays[out + 'weight']), arrays[out + 'bias']
        out = 'actor.mlp.out.'
        parts = [''] if self._task.action.discrete else ['layers.0.', 'layers.1.']
        self._head = (
            _transposed(np.concatenate([arrays[f'{out}{part}weight'] for part in parts])),
            np.concatenate([arrays[f'{out}{part}bias'] for part in parts]),
        )

    def _load_core(self, arrays: Mapping[str, Array]) -> None:
        def part(name: str) -> Array:
            return arrays['rssm.core.' + name]

        blocks = self._config.dynamics.blocks
        self._inputs = [
            _layer(part(f'from_{name}.weight'), part(f'from_{name}.bias'), part(f'{name}_norm.weight'))
            for name in ('deter', 'stoch', 'action')
        ]
        hidden, deter = part('hidden.weight'), self._config.dynamics.deter  # (G, I + 3 U, I)
        width = deter // blocks
        self._hidden_deter = np.ascontiguousarray(hidden[:, :width])
        # All blocks see the same three hidden vectors: one product for all of them.
        self._hidden = np.ascontiguousarray(hidden[:, width:].transpose(1, 0, 2).reshape(-1, deter))
        self._hidden_bias, self._hidden_scale = part('hidden.bias'), part('hidden_norm.weight')
        self._gates = np.ascontiguousarray(part('gates.weight'))
        self._gates_bias = part('gates.bias').reshape(blocks, 1, 3 * width)

    def filter(self, observation: Mapping[str, Array], deter: Array, stoch: Array, action: Array,
               uniform: Array) -> tuple[Array, Array]:
        """The state after an observation.

        Args:
            observation: name -> (E, ...) float32.
            deter, stoch, action: of the step before, (E, D), (E, C*S), (E, A).
            uniform: (E, 1, S) in [0, 1).

        Returns:
            deter (E, D) and stoch (E, C*S), one-hot per latent variable.
        """
        envs = len(deter)
        flat = []
        for name, spec in self._seen:
            numbers = observation[name].reshape(envs, -1)
            if spec.angles:
                angles, numbers = np.split(numbers, [spec.angles], 1)
                flat += [np.sin(angles), np.cos(angles)]
            flat.append(numbers)
        x = flat[0] if len(flat) == 1 else np.concatenate(flat, 1)
        tokens = _run(self._encoder, np.sign(x) * np.log1p(np.abs(x)))
        deter = self._transition(deter, stoch, action)
        bias, scale = self._posterior.bias, self._posterior.scale
        x = _norm_silu(deter @ self._posterior_deter + tokens @ self._posterior_tokens + bias, scale)
        weight, bias = self._logits
        dynamics = self._config.dynamics
        probs = _softmax((x @ weight + bias).reshape(envs, dynamics.classes, dynamics.stoch))
        probs = (1 - dynamics.unimix) * probs + np.float32(dynamics.unimix / dynamics.classes)
        return deter, one_hot_sample(probs, uniform).reshape(envs, -1)

    def _transition(self, deter: Array, stoch: Array, action: Array) -> Array:
        envs, blocks = len(deter), self._config.dynamics.blocks
        action = action / np.maximum(np.abs(action), 1.0)
        hidden = [_run([layer], x) for layer, x in zip(self._inputs, (deter, stoch, action))]
        x = np.concatenate(hidden, 1) @ self._hidden + self._hidden_bias
        grouped = deter.reshape(envs, blocks, -1).transpose(1, 0, 2)  # (G, E, I)
        x = x + (grouped @ self._hidden_deter).transpose(1, 0, 2).reshape(envs, -1)
        x = _norm_silu(x, self._hidden_scale).reshape(envs, blocks, -1).transpose(1, 0, 2)
        reset, candidate, update = np.split(x @ self._gates + self._gates_bias, 3, -1)
        candidate = np.tanh(_sigmoid(reset) * candidate)
        following = grouped + _sigmoid(update - 1.0) * (candidate - grouped)
        return following.transpose(1, 0, 2).reshape(envs, -1)

    def act(self, features: Array, draw: Array | None) -> Array:
        """(E, D + C*S) -> action (E, A), one-hot where discrete.

        Args:
            draw: standard normal numbers (E, A), uniform ones (E, 1) where discrete; None = the most likely action.
        """
        heads = self._config.heads
        weight, bias = self._head
        output = _run(self._actor, features) @ weight + bias
        if self._task.action.discrete:
            probs = _softmax(output[..., None])
            probs = (1 - heads.actor_unimix) * probs + np.float32(heads.actor_unimix / output.shape[-1])
            if draw is None:
                return np.eye(output.shape[-1], dtype=np.float32)[probs[..., 0].argmax(-1)]
            return one_hot_sample(probs, draw[..., None])[..., 0]
        mean, spread = np.split(output, 2, -1)
        mean = np.tanh(mean)
        if draw is None:
            return mean
        if heads.actor == 'truncated':
            return _truncated_sample(mean, 2 * _sigmoid(spread / 2) + heads.actor_min_std, draw)
        std = np.float32(heads.actor_max_std - heads.actor_min_std) * _sigmoid(spread + 2) + np.float32(heads.actor_min_std)
        return mean + std * draw


def _truncated_sample(mean: Array, std: Array, draw: Array) -> Array:
    """As TruncatedNormal.at, number by number: NumPy has no distribution function of the normal."""
    edge, cdf, quantile = TruncatedNormal.EDGE, NORMAL.cdf, NORMAL.inv_cdf
    samples = []
    for m, s, d in zip(mean.ravel().tolist(), std.ravel().tolist(), draw.ravel().tolist()):
        below, above = cdf((-1 - m) / s), cdf((1 - m) / s)
        samples.append(m + s * quantile(below + min(max(cdf(d), 1 - edge), edge) * (above - below)))
    return np.clip(np.array(samples, np.float32).reshape(mean.shape), -edge, edge)


def one_hot_sample(probs: Array, uniform: Array) -> Array:
    """As distributions.sample_one_hot: probs (E, C, S), uniform (E, 1, S) -> one-hot (E, C, S) float32."""
    reached = np.cumsum(probs, -2) > uniform
    reached[..., -1, :] = True
    reached[..., 1:, :] ^= reached[..., :-1, :].copy()
    return reached.astype(np.float32)


def _transposed(weight: Array) -> Array:
    return np.ascontiguousarray(weight.T)


def _layer(weight: Array, bias: Array, scale: Array) -> Layer:
    return Layer(_transposed(weight), bias, scale)


def _layers(arrays: Mapping[str, Array], prefix: str) -> list[Layer]:
    count = sum(name.startswith(f'{prefix}.norms.') for name in arrays)
    linear, norm = f'{prefix}.layers.', f'{prefix}.norms.'
    return [
        _layer(arrays[f'{linear}{i}.weight'], arrays[f'{linear}{i}.bias'], arrays[f'{norm}{i}.weight']) for i in range(count)
    ]


def _run(layers: Sequence[Layer], x: Array) -> Array:
    for layer in layers:
        x = _norm_silu(x @ layer.weight + layer.bias, layer.scale)
    return x


def _norm_silu(x: Array, scale: Array) -> Array:
    mean = np.einsum('...i,...i->...', x, x)[..., None] / np.float32(x.shape[-1])
    x = x / np.sqrt(mean + np.float32(NORM_EPSILON)) * scale
    return x * _sigmoid(x)


def _sigmoid(x: Array) -> Array:
    # By tanh: exp overflows for large negative numbers.
    return np.tanh(x * np.float32(0.5)) * np.float32(0.5) + np.float32(0.5)


def _softmax(x: Array) -> Array:
    """Over the last dimension but one."""
    x = np.exp(x - x.max(-2, keepdims=True))
    return x / x.sum(-2, keepdims=True)
