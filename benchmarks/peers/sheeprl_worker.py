"""sheeprl's DreamerV3 as a worker of update_speed.py: its configuration, its build_agent and its train function.

sheeprl follows the DreamerV3 code of 2023, whose recurrence is one dense GRU. With a deterministic state of 512 as in our 1m
that GRU alone would have more parameters than our whole agent, so the state has the multiple of 64 that brings the number of
parameters closest to ours. Hidden layers (64 units), latent (32 variables of 4 classes), numbers of layers and bins are those
of 1m; the actor learns by REINFORCE as ours does (sheeprl's default for continuous actions differentiates through the model,
which takes longer).
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

DETER = 320
OVERRIDES = [
    'exp=dreamer_v3', 'algo=dreamer_v3_XS', 'env=dummy', 'env.num_envs=1',
    'algo.cnn_keys.encoder=[]', 'algo.cnn_keys.decoder=[]', 'algo.mlp_keys.encoder=[state]',
    'algo.dense_units=64', 'algo.world_model.transition_model.hidden_size=64',
    'algo.world_model.representation_model.hidden_size=64', 'algo.world_model.discrete_size=4',
    f'algo.world_model.recurrent_model.recurrent_state_size={DETER}',
    'algo.world_model.encoder.mlp_layers=3', 'algo.world_model.observation_model.mlp_layers=3',
    'algo.actor.mlp_layers=3', 'algo.critic.mlp_layers=3', 'algo.actor.objective_mix=1',
]


def configuration(problem: Problem) -> dotdict:
    sizes = [f'algo.per_rank_batch_size={problem.batch}', f'algo.per_rank_sequence_length={problem.length}']
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
    return {
        'state': torch.randn(*shape, problem.observation),
        'actions': torch.rand(*shape, problem.action) * 2 - 1,
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
    space = gymnasium.spaces.Dict({'state': gymnasium.spaces.Box(-np.inf, np.inf, (problem.observation,))})
    world_model, actor, critic, target_critic, _ = build_agent(fabric, (problem.action,), True, config, space)
    networks = {'world_model': world_model, 'actor': actor, 'critic': critic}
    made = optimisers(fabric, config, networks)
    percentile = config.algo.actor.moments.percentile
    moments = Moments(config.algo.actor.moments.decay, config.algo.actor.moments.max, percentile.low, percentile.high)
    batch = random_batch(problem)

    def update() -> None:
        # train leaves the slow critic to its caller.
        with torch.no_grad():
            torch._foreach_lerp_(list(target_critic.parameters()), list(critic.parameters()), config.algo.critic.tau)
        train(fabric, *networks.values(), target_critic, *made, batch, None, config, True, (problem.action,), moments)

    parameters = trained(p for network in networks.values() for p in network.parameters())
    return Learner(f"sheeprl {importlib.metadata.version('sheeprl')}", parameters, update)


if __name__ == '__main__':
    serve(build)
