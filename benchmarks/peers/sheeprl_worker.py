"""sheeprl's DreamerV3 as a worker of update_speed.py: its configuration, its build_agent and its train function.

sheeprl follows the DreamerV3 code of 2023, whose recurrence is one dense GRU. With a deterministic state of 512 as in our 1m
that GRU alone would have more parameters than our whole agent, so the state has the multiple of 64 that brings the number of
parameters closest to ours. Hidden layers, latent, numbers of layers and bins are those of our size; the actor learns by
REINFORCE as ours does (sheeprl's default for continuous actions differentiates through the model, which takes longer). Its image
networks have convolutions of stride 2 with kernels of 4 x 4, where ours have stride 1 and 5 x 5 and pool: fewer operations.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

import gymnasium
import hydra
import numpy as np
import torch
from omegaconf import OmegaConf
from protocol import Learner, Problem, serve, trained
from sheeprl.algos.dreamer_v3.agent import build_agent
from sheeprl.algos.dreamer_v3.dreamer_v3 import train
from sheeprl.algos.dreamer_v3.utils import Moments
from sheeprl.utils.metric import MetricAggregator
from sheeprl.utils.utils import dotdict
from torch import Tensor, nn

# Our size -> deterministic state; units; classes; channels of the first convolution.
SIZES = {'1m': (320, 64, 4, 4), '12m': (960, 256, 16, 16)}
OVERRIDES = [
    'exp=dreamer_v3', 'algo=dreamer_v3_XS', 'env=dummy', 'env.num_envs=1',
    'algo.world_model.encoder.mlp_layers=3', 'algo.world_model.observation_model.mlp_layers=3',
    'algo.actor.mlp_layers=3', 'algo.critic.mlp_layers=3', 'algo.actor.objective_mix=1',
]


def configuration(problem: Problem) -> dotdict:
    deter, units, classes, depth = SIZES[problem.size]
    sizes = [
        f'algo.per_rank_batch_size={problem.batch}', f'algo.per_rank_sequence_length={problem.length}',
        *(f"algo.cnn_keys.{part}=[{'image' if problem.image else ''}]" for part in ('encoder', 'decoder')),
        *(f"algo.mlp_keys.{part}=[{'state' if problem.observation else ''}]" for part in ('encoder', 'decoder')),
        f'algo.dense_units={units}', f'algo.world_model.transition_model.hidden_size={units}',
        f'algo.world_model.representation_model.hidden_size={units}', f'algo.world_model.discrete_size={classes}',
        f'algo.world_model.recurrent_model.recurrent_state_size={deter}',
        f'algo.world_model.encoder.cnn_channels_multiplier={depth}',
        f"fabric.precision={'bf16-mixed' if problem.precision == 'bfloat16' else '32-true'}",
    ]
    with hydra.initialize_config_module('sheeprl.configs', version_base='1.3'):
        # The other sections name folders of a run, which there is none of here.
        config = hydra.compose('config', [*OVERRIDES, *sizes])
    root = OmegaConf.create({key: config[key] for key in ('algo', 'env', 'distribution', 'fabric', 'float32_matmul_precision')})
    del root.fabric.callbacks
    return dotdict(OmegaConf.to_container(root, resolve=True))


def random_batch(problem: Problem) -> dict[str, Tensor]:
    """Time first, as train wants it."""
    shape = (problem.length, problem.batch)
    zeros = torch.zeros(*shape, 1)
    seen = {'state': torch.randn(*shape, problem.observation)} if problem.observation else {}
    if problem.image:
        seen['image'] = torch.randint(0, 256, (*shape, 3, problem.image, problem.image), dtype=torch.uint8)
    chosen = torch.nn.functional.one_hot(torch.randint(problem.action, shape), problem.action).float()
    return {
        **seen,
        'actions': chosen if problem.discrete else torch.rand(*shape, problem.action) * 2 - 1,
        'rewards': torch.randn(*shape, 1),
        'terminated': zeros, 'truncated': zeros.clone(), 'is_first': zeros.clone(),
    }


def optimisers(fabric: Any, config: dotdict, networks: dict[str, nn.Module]) -> list[Any]:
    made = [hydra.utils.instantiate(config.algo[name].optimizer, params=network.parameters(), _convert_='all')
            for name, network in networks.items()]
    return list(fabric.setup_optimizers(*made))


def build(problem: Problem) -> Learner:
    config = configuration(problem)
    # What sheeprl's command line sets before it trains; metrics that nobody reads are off.
    torch.set_float32_matmul_precision(config.float32_matmul_precision)
    torch.distributions.Distribution.set_default_validate_args(config.distribution.validate_args)
    MetricAggregator.disabled = True
    fabric = hydra.utils.instantiate(config.fabric, _convert_='all')
    fabric.launch()
    spaces: dict[str, gymnasium.Space] = {}
    if problem.observation:
        spaces['state'] = gymnasium.spaces.Box(-np.inf, np.inf, (problem.observation,))
    if problem.image:
        spaces['image'] = gymnasium.spaces.Box(0, 255, (3, problem.image, problem.image), np.uint8)
    continuous = not problem.discrete
    world_model, actor, critic, target_critic, _ = build_agent(
        fabric, (problem.action,), continuous, config, gymnasium.spaces.Dict(spaces))
    networks = {'world_model': world_model, 'actor': actor, 'critic': critic}
    made = optimisers(fabric, config, networks)
    percentile = config.algo.actor.moments.percentile
    moments = Moments(config.algo.actor.moments.decay, config.algo.actor.moments.max, percentile.low, percentile.high)
    batch = random_batch(problem)

    def update() -> None:
        # train leaves the slow critic to its caller.
        with torch.no_grad():
            torch._foreach_lerp_(list(target_critic.parameters()), list(critic.parameters()), config.algo.critic.tau)
        train(fabric, *networks.values(), target_critic, *made, batch, None, config, continuous, (problem.action,), moments)

    parameters = trained(p for network in networks.values() for p in network.parameters())
    return Learner(f"sheeprl {importlib.metadata.version('sheeprl')}", parameters, update, getattr(torch, problem.precision))


if __name__ == '__main__':
    serve(build)
