"""TorchRL's DreamerV3 as a worker of update_speed.py, put together from its public modules, losses and optimiser.

Sizes are those of our 1m: deterministic state 512 in 8 blocks, 32 variables of 4 classes, hidden layers of 64 units, 255 bins.
The learner update is TorchRL's own (DreamerV3OptimizationStepper), with its defaults for a CPU.
"""

from __future__ import annotations

import importlib.metadata

import torch
from protocol import Learner, Problem, serve, trained
from tensordict import TensorDict
from tensordict.nn import ProbabilisticTensorDictModule, ProbabilisticTensorDictSequential, TensorDictModule, TensorDictSequential
from torch import Tensor, nn
from torchrl.data import Bounded, Composite, Unbounded
from torchrl.envs.model_based import DreamerEnv
from torchrl.modules import (
    DreamerV3MLP,
    IndependentNormal,
    RSSMPosteriorV3,
    RSSMPriorV3,
    RSSMRolloutV3,
    SymExpTwoHot,
    WorldModelWrapper,
)
from torchrl.objectives import (
    DreamerV3ActorLoss,
    DreamerV3Loss,
    DreamerV3ModelLoss,
    DreamerV3ValueLoss,
    SoftUpdate,
    ValueEstimators,
    symlog,
)
from torchrl.trainers.algorithms import DreamerV3OptimizationStepper, DreamerV3Optimizer

DETER, BLOCKS, STOCH, CLASSES, UNITS, BINS = 512, 8, 32, 4, 64, 255
LATENT = STOCH * CLASSES
FEATURES = DETER + LATENT
HORIZON, DISCOUNT_HORIZON, TRACE = 15, 333.0, 0.95


class NormalHead(nn.Module):
    """Features -> mean and standard deviation of the action, both bounded as in DreamerV3's code."""

    def __init__(self, action: int) -> None:
        super().__init__()
        self.network = DreamerV3MLP(FEATURES, 2 * action, depth=3, num_cells=UNITS, outscale=0.01)

    def forward(self, belief: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = self.network(belief, state).chunk(2, -1)
        return mean.tanh(), 0.1 + 0.9 * torch.sigmoid(deviation + 2)


class Networks:
    """The networks, and the chains that the three losses run them in.

    Keys under 'next' belong to what follows the action of the row; imagination has no such level.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.encoder = DreamerV3MLP(problem.observation, None, depth=3, num_cells=UNITS)
        self.prior = RSSMPriorV3(
            action_shape=(problem.action,), action_dim=problem.action, hidden_dim=UNITS, rnn_hidden_dim=DETER,
            num_categoricals=STOCH, num_classes=CLASSES, recurrent_model='block_gru', num_blocks=BLOCKS, unimix=0.01)
        self.posterior = RSSMPosteriorV3(
            hidden_dim=UNITS, num_categoricals=STOCH, num_classes=CLASSES, rnn_hidden_dim=DETER, obs_embed_dim=UNITS,
            use_rms_norm=True, unimix=0.01)
        self.decoder = DreamerV3MLP(FEATURES, problem.observation, depth=3, num_cells=UNITS)
        self.reward = DreamerV3MLP(FEATURES, BINS, depth=1, num_cells=UNITS, outscale=0.0)
        self.continuation = DreamerV3MLP(FEATURES, 1, depth=1, num_cells=UNITS)
        self.critic = DreamerV3MLP(FEATURES, BINS, depth=3, num_cells=UNITS, outscale=0.0)
        self.actor = NormalHead(problem.action)

    def world_model(self) -> TensorDictSequential:
        features = [('next', 'belief'), ('next', 'state')]
        return TensorDictSequential(
            TensorDictModule(symlog, [('next', 'observation')], [('next', 'symlog_observation')]),
            TensorDictModule(self.encoder, [('next', 'symlog_observation')], [('next', 'encoded_latents')]),
            RSSMRolloutV3(
                TensorDictModule(self.prior, ['state', 'belief', 'action'],
                                 [('next', 'prior_logits'), ('next', 'state'), ('next', 'belief')]),
                TensorDictModule(self.posterior, [('next', 'belief'), ('next', 'encoded_latents')],
                                 [('next', 'posterior_logits'), ('next', 'state')])),
            TensorDictModule(self.decoder, features, [('next', 'reconstruction')]),
            TensorDictModule(self.reward, features, [('next', 'reward_logits')]),
            TensorDictModule(self.continuation, features, [('next', 'continue_pred')]),
        )

    def imagination(self) -> DreamerEnv:
        transition = TensorDictModule(self.prior, ['state', 'belief', 'action'], ['_', 'state', 'belief'])
        reward = TensorDictSequential(
            TensorDictModule(self.reward, ['belief', 'state'], ['reward_logits']),
            TensorDictModule(SymExpTwoHot(BINS), ['reward_logits'], ['reward']))
        env = DreamerEnv(WorldModelWrapper(transition, reward), prior_shape=(LATENT,), belief_shape=(DETER,))
        env.observation_spec = Composite(state=Unbounded(LATENT), belief=Unbounded(DETER))
        env.state_spec = env.observation_spec.clone()
        env.action_spec = Bounded(-1, 1, (self.problem.action,))
        env.reward_spec = Unbounded((1,))
        return env

    def continuation_model(self) -> TensorDictSequential:
        return TensorDictSequential(
            TensorDictModule(self.continuation, ['belief', 'state'], ['continue_logits']),
            TensorDictModule(torch.sigmoid, ['continue_logits'], ['continuation']))

    def value_model(self) -> TensorDictSequential:
        return TensorDictSequential(
            TensorDictModule(self.critic, ['belief', 'state'], ['state_value_logits']),
            TensorDictModule(SymExpTwoHot(BINS), ['state_value_logits'], ['state_value']))

    def policy(self) -> ProbabilisticTensorDictSequential:
        return ProbabilisticTensorDictSequential(
            TensorDictModule(self.actor, ['belief', 'state'], ['loc', 'scale']),
            ProbabilisticTensorDictModule(['loc', 'scale'], ['action'], distribution_class=IndependentNormal,
                                          return_log_prob=True, log_prob_key='action_log_prob'))


def loss_module(networks: Networks) -> tuple[DreamerV3Loss, DreamerV3ValueLoss]:
    """The complete objective, with the paper's terms switched on where TorchRL's defaults are older."""
    model = DreamerV3ModelLoss(networks.world_model(), kl_mode='separate', unimix=0.01, lambda_continue=1.0,
                               reco_symlog=False, num_reward_bins=BINS, detach_output=False)
    model.set_keys(pixels='symlog_observation', reco_pixels='reconstruction')
    value_model = networks.value_model()
    actor = DreamerV3ActorLoss(networks.policy(), value_model, networks.imagination(), imagination_horizon=HORIZON,
                               continuation_model=networks.continuation_model(), use_reinforce=True)
    actor.make_value_estimator(ValueEstimators.TDLambda, gamma=1 - 1 / DISCOUNT_HORIZON, lmbda=TRACE)
    value = DreamerV3ValueLoss(value_model, value_loss='two_hot', num_value_bins=BINS, actor_loss=actor,
                               slow_critic_regularization=1.0)
    return DreamerV3Loss(model, actor, value, continuation_horizon=DISCOUNT_HORIZON, lmbda=TRACE), value


def random_batch(problem: Problem) -> TensorDict:
    shape = (problem.batch, problem.length)
    first = torch.zeros(*shape, 1, dtype=torch.bool)
    first[:, 0] = True
    return TensorDict({
        'state': torch.zeros(*shape, LATENT),
        'belief': torch.zeros(*shape, DETER),
        'action': torch.rand(*shape, problem.action) * 2 - 1,
        'is_init': first,
        'next': {
            'observation': torch.randn(*shape, problem.observation),
            'reward': torch.randn(*shape, 1),
            'done': torch.zeros(*shape, 1, dtype=torch.bool),
            'terminated': torch.zeros(*shape, 1, dtype=torch.bool),
        },
    }, shape)


def build(problem: Problem) -> Learner:
    loss, value = loss_module(Networks(problem))
    parameters = trained(loss.parameters())
    stepper = DreamerV3OptimizationStepper(loss, DreamerV3Optimizer(parameters), SoftUpdate(value, tau=0.02))
    batch = random_batch(problem)
    version = importlib.metadata.version('torchrl')
    return Learner(f'TorchRL {version}', parameters, lambda: stepper.step(None, batch))


if __name__ == '__main__':
    serve(build)
