"""Writes a policy as ONNX, see onnx_policy.py: one recurrent step as a function without random numbers of its own.

The modules are those that act and train; torch.export takes them apart. Where ONNX lacks an operator, what replaces it is here.

Shapes: E environments, D deterministic units, C*S the flat latent, A action.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dreamer_learning.acting import RecurrentPolicy
from dreamer_learning.action_distributions import TruncatedNormal
from dreamer_learning.agent_config import AgentConfig
from dreamer_learning.atomic import write_file
from dreamer_learning.config import ConfigError
from dreamer_learning.onnx_policy import INSTALL, NOISE, OUTPUTS, STATE, PolicyFile, observation_input
from dreamer_learning.policy import Policy, PolicyNetworks, acting
from dreamer_learning.spaces import Task

OPSET = 20
LARGEST_FILE = 2**31 - 2**24
"""Bytes of parameters: one protobuf message holds less than 2 GiB."""
EXAMPLES = 2
"""Environments while tracing: a dimension of 1 would be taken for a constant."""


class Origin(NamedTuple):
    """What a file tells of where its parameters are from; see PolicyFile."""

    task: str
    updates: int
    env_steps: int
    weights_version: int


class PolicyStep(nn.Module):
    """One step of PolicyNetworks, with and without noise on the action."""

    def __init__(self, networks: PolicyNetworks, names: list[str]) -> None:
        """names: of the observation tensors, in the order in which `forward` takes them."""
        super().__init__()
        self.networks, self.names = networks, names

    def forward(self, deter: Tensor, stoch: Tensor, action: Tensor, latent_noise: Tensor, action_noise: Tensor,
                *tensors: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See onnx_policy.py."""
        networks, rssm = self.networks, self.networks.rssm
        core, posterior, latent = rssm.core, rssm.posterior, rssm.latent
        tokens = networks.encoder(dict(zip(self.names, tensors)))
        deter = core.step(core.prepare(), deter, stoch, core.embed_action(core.action_weight(), action))
        raw = posterior(posterior.deter_weight(), deter, posterior.project(tokens))
        stoch = latent.sample(latent.statistics(raw), latent_noise)
        distribution = networks.actor(torch.cat([deter, stoch], -1))
        if isinstance(distribution, TruncatedNormal):
            sample = sample_truncated(distribution.mean, distribution.std, action_noise)
        else:
            sample = distribution.at(action_noise)
        return distribution.mode(), sample, deter, stoch


def sample_truncated(mean: Tensor, std: Tensor, noise: Tensor) -> Tensor:
    """TruncatedNormal.at, with operators that ONNX has."""
    below = torch.special.ndtr((-1 - mean) / std)
    mass = torch.special.ndtr((1 - mean) / std) - below
    edge = TruncatedNormal.EDGE
    share = torch.special.ndtr(noise).clamp(1e-6, edge)
    return (mean + std * normal_quantile(below + share * mass)).clamp(-edge, edge)


# M. Giles, "Approximating the erfinv function" (2010): polynomials for single precision, in the middle and in the tails.
_MIDDLE = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 2.1858087e-04, -1.25372503e-03, -4.17768164e-03,
           0.246640727, 1.50140941)
_TAIL = (-2.00214257e-04, 1.00950558e-04, 1.34934322e-03, -3.67342844e-03, 5.73950773e-03, -7.6224613e-03, 9.43887047e-03,
         1.00167406, 2.83297682)


def normal_quantile(p: Tensor) -> Tensor:
    """The inverse of the standard normal's cumulative distribution, for p from 1e-7 to 1 - 1e-7."""
    w = -torch.log(4 * p * (1 - p))
    middle, tail = _polynomial(_MIDDLE, w - 2.5), _polynomial(_TAIL, torch.sqrt(w.clamp(min=5.0)) - 3)
    return math.sqrt(2) * (2 * p - 1) * torch.where(w < 5, middle, tail)


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """Highest power first."""
    result = torch.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result


def export_policy(config: AgentConfig, task: Task, parameters: Mapping[str, Tensor], origin: Origin, path: Path) -> None:
    """Write a policy file.

    Args:
        parameters: Agent.policy_parameters().

    Raises:
        ConfigError: the agent plans, it is too large for one file, or what writes ONNX is not installed.
        WeightsError: the parameters are not those of the agent.
        OSError: the file cannot be written; an older one stays.
    """
    if config.behaviour.method == 'planning':
        raise ConfigError(f"agent '{config.agent}' cannot be exported: it searches for actions with its world model, and has no "
                          'actor; allowed: agents with behaviour: method actor_critic or value_gradient')
    policy = Policy(config, task, arrays=False)
    policy.load(parameters)
    size = sum(value.numel() * value.element_size() for value in policy.networks.state_dict().values())
    if size > LARGEST_FILE:
        raise ConfigError(f'size {config.size}: {size / 2**30:.1f} GiB of parameters; one ONNX file holds less than 2 GiB')
    onnx = _onnx()
    model = _trace(policy, task)
    metadata = onnx.ModelProto(metadata_props=[
        onnx.StringStringEntryProto(key=key, value=value) for key, value in describe(policy, task, origin).dump(model).items()])
    # Protobuf messages in a row are one message with the fields of all.
    write_file(path, model + metadata.SerializeToString())


def _onnx() -> Any:
    try:
        import onnx
        import onnxscript  # noqa: F401  what torch.onnx writes with
    except ImportError as error:
        raise ConfigError(f'export: needs onnx and onnxscript ({error}): {INSTALL} onnx onnxscript') from None
    return onnx


def describe(policy: Policy, task: Task, origin: Origin) -> PolicyFile:
    """What the file says of itself."""
    config, first = policy.config, policy.initial(1)
    zeros = not (first.deter.any() or first.stoch.any())
    return PolicyFile(
        agent=config.agent, size=config.size, blocks=','.join(config.blocks), task=origin.task, robot=task.robot,
        config_hash=config.hash(task), updates=origin.updates, env_steps=origin.env_steps,
        weights_version=max(1, origin.weights_version), environments=task.environments, spaces=task.describe(),
        acting=acting(config), initial=None if zeros else {'deter': first.deter[0].tolist(), 'stoch': first.stoch[0].tolist()})


def _trace(policy: Policy, task: Task) -> bytes:
    """The network as a serialised ONNX model."""
    names = sorted(task.observation)
    noise = policy._draw(EXAMPLES, True)
    tensors = [torch.zeros(EXAMPLES, *task.observation[name].shape, dtype=getattr(torch, task.observation[name].dtype))
               for name in names]
    examples = (*(torch.from_numpy(array) for array in (*policy.initial(EXAMPLES), *noise)), *tensors)
    step = PolicyStep(policy.networks, names).eval()
    free = {0: torch.export.Dim.DYNAMIC}
    state = len(STATE) + len(NOISE)
    with torch.no_grad(), _quiet():
        step(*examples)  # what is kept between calls is made outside of the trace
        program = torch.onnx.export(
            step, examples, dynamo=True, opset_version=OPSET, verbose=False,
            input_names=[*STATE, *NOISE, *map(observation_input, names)], output_names=list(OUTPUTS),
            dynamic_shapes=(*[free] * state, tuple([free] * len(names))))
    assert program is not None
    return program.model_proto.SerializeToString()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch says about packages that are not needed here, and without progress on stdout."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)


def largest_difference(one: RecurrentPolicy, other: RecurrentPolicy, steps: int, seed: int = 0) -> float:
    """How far two policies of the same parameters lie apart: the largest difference in action and state over steps in a row.

    Both get the same random observations and random numbers, two environments, a new episode half way in one of them, and turn
    by turn the sampled and the most likely actions.
    """
    rng, envs, largest = np.random.default_rng(seed), 2, 0.0
    carries = [policy.initial(envs) for policy in (one, other)]
    for step in range(steps):
        observation = {
            name: rng.integers(0, 256, (envs, *spec.shape), np.uint8) if spec.image
            else rng.normal(0, 2, (envs, *spec.shape)).astype(np.float32)
            for name, spec in one.task.observation.items()
        }
        first = np.array([step == 0, step in (0, steps // 2)])
        for index, policy in enumerate((one, other)):
            policy.generator = np.random.default_rng((seed, step))
            carries[index] = policy.act(carries[index], observation, first, 'eval' if step % 2 else 'train')[1]
        distances = [np.abs(a - b).max() for a, b in zip(*carries)]
        largest = max(largest, *(math.inf if math.isnan(d) else float(d) for d in distances))
    return largest
