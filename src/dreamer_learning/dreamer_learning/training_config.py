"""Configuration of how an agent learns: the blocks loss, behaviour, optimiser and replay of its file."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

from dreamer_learning.config import Amount, ConfigError, Count, Positive, Range, Share, ShareBelowOne, Whole


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Scale of each loss, and the rule of the KL terms.

    Attributes:
        dynamics, representation: shares of the two KL terms (DreamerV3).
        kl_balance: in their place, the share of the prior, `dynamics`; the rest is the posterior's. 0.5 = the plain KL, whose
            whole gradient goes to both.
        kl_scale: of both terms.
        free_nats: below which a KL term is not pressed further.
        free_mean: free nats are of the mean KL of the batch (Dreamer V1, V2); False = of each (batch, time) element.
        kl_target: nats at which adapting a scale of both KL terms holds the KL (DayDreamer); 0 = a fixed scale of 1.
        reward_transform: of replayed rewards, before anything learns from them: none, or tanh.
        reward_gradient, reconstruction_gradient, image_gradient: whether the losses of rewards, of observations as a whole and of
            images train the representation; False for ablations.
        overshooting: open-loop steps of latent overshooting (PlaNet); 0 = none. `overshoot` scales that loss.
    """

    reconstruction: Amount = 1.0
    reward: Amount = 1.0
    continuation: Amount = 1.0
    dynamics: Amount | None = None
    representation: Amount | None = None
    kl_balance: Share | None = None
    kl_scale: Amount = 1.0
    actor: Amount = 1.0
    critic: Amount = 1.0
    replay_critic: Amount = 0.3
    overshoot: Amount = 1.0
    free_nats: Amount = 1.0
    free_mean: bool = False
    kl_target: Amount = 0.0
    reward_transform: Literal['none', 'tanh'] = 'none'
    reward_gradient: bool = True
    reconstruction_gradient: bool = True
    image_gradient: bool = True
    overshooting: Whole = 0

    def __post_init__(self) -> None:
        given = [name for name in ('dynamics', 'representation') if getattr(self, name) is not None]
        if self.kl_balance is not None and given:
            raise ConfigError(f'{given[0]}: not beside kl_balance, which takes its place')
        if self.kl_balance is None and len(given) < 2:
            raise ConfigError('kl_balance, or both of dynamics and representation, must be given')

    def scale(self, name: str) -> float:
        """Of the named loss in their sum."""
        if name not in ('dynamics', 'representation'):
            return getattr(self, name)
        share = getattr(self, name)
        if self.kl_balance is not None:
            share = 1.0 if self.kl_balance == 0.5 else self.kl_balance if name == 'dynamics' else 1 - self.kl_balance
        return share * self.kl_scale


@dataclasses.dataclass(frozen=True)
class PlanningConfig:
    """Cross-entropy method (PlaNet, algorithm 2): `candidates` sequences of `horizon` actions, refitted to the best `top`."""

    horizon: Count = 12
    iterations: Count = 10
    candidates: Count = 1000
    top: Count = 100

    def __post_init__(self) -> None:
        if self.top > self.candidates:
            raise ConfigError(f'top {self.top}: at most candidates ({self.candidates})')


@dataclasses.dataclass(frozen=True)
class BehaviourConfig:
    """Learning in imagination, or planning; and how a policy explores.

    Attributes:
        method: actor_critic, as DreamerV3 does it (behaviour.py); value_gradient, as V1 and V2 do (value_gradient.py); planning,
            without actor and critic (planning.py).
        horizon: imagined steps H.
        imagination_starts: how many of the B*T states imagination starts from; 0 = all.
        rollouts: imagined paths from each start. With more than one, an advantage counts by how far it is above that of the
            start's other paths at the same step (Kool et al. 2019): what the critic misjudges in all of them does not count.
        discount_horizon: 1 / (1 - discount), steps.
        trace: lambda of the lambda-return.
        bootstrap: whether returns count values; False, with method value_gradient: they are the discounted rewards up to the
            horizon, and no critic is trained.
        entropy: scale of the actor's entropy bonus; with an entropy_target, where it starts.
        entropy_target: share of the entropy that the actor's bounds allow, at which adapting the scale holds the actor; 0 = a
            fixed scale.
        entropy_scales: each, a scale for each dimension of the action, all held at the target; shared, one that holds their mean.
        entropy_rate: change of the adapted scales per update.
        entropy_unit: of the bonus, nats, or share: of the entropy that the actor's bounds allow (DayDreamer).
        mean_penalty: scale of a penalty on the squares of what the actor's tanh makes the means of, so that only what pays
            drives a policy to the ends of its range; 0 = none. Discrete actions have none.
        actor_gradient: reinforce; dynamics: of the return through the imagined states (discrete actions straight-through); auto:
            dynamics for continuous actions, reinforce for discrete ones.
        dynamics_share: with method value_gradient, how much of the gradient goes through the dynamics, the rest by REINFORCE;
            -1 = all of it for continuous actions, none for discrete ones.
        discount_in_target: the continuation head learns the probability times the discount; False = the probability alone.
        real_starts: with method actor_critic, the first step of an imagined path counts by whether the replayed state that it
            starts from is a true end (DayDreamer), not by the predicted continuation.
        value_centering: rate per update of the average reward whose value the critic leaves out; 0 = it leaves out nothing.
        slow_rate: rate at which the slow critic follows the critic, at the first of every `slow_every` updates.
        slow_target: the slow critic, not the critic, gives returns and baselines.
        slow_regulariser: scale of the loss that keeps the critic near the slow critic.
        return_normalisation: percentiles: returns count by their spread; none.
        return_rate, return_limit, return_low, return_high: return normalisation by percentiles; the rate per update.
        advantage_normalisation: mean_std shifts and scales the actor's advantages by their mean and standard
            deviation, averaged at `return_rate`.
        exploration: while training, sample the actor's distribution; noise adds normal numbers of deviation
            `exploration_amount`; epsilon chooses with that probability a random discrete action.
        evaluation: action in evaluation mode, the distribution's mode or a sample.
    """

    horizon: Count = 15
    imagination_starts: Whole = 0
    rollouts: Count = 1
    discount_horizon: Annotated[float, Range(1, above=True)] = 333.0
    trace: Share = 0.95
    bootstrap: bool = True
    entropy: Amount = 3e-4
    slow_rate: Share = 0.02
    slow_regulariser: Amount = 1.0
    return_rate: Annotated[float, Range(0, 1, above=True)] = 0.01
    return_limit: Positive = 1.0
    return_low: Annotated[float, Range(0, 100)] = 5.0
    return_high: Annotated[float, Range(0, 100)] = 95.0
    evaluation: Literal['mode', 'sample'] = 'mode'
    method: Literal['actor_critic', 'value_gradient', 'planning'] = 'actor_critic'
    return_normalisation: Literal['percentiles', 'none'] = 'percentiles'
    advantage_normalisation: Literal['none', 'mean_std'] = 'none'
    entropy_target: ShareBelowOne = 0.0
    entropy_scales: Literal['each', 'shared'] = 'each'
    entropy_rate: Amount = 0.1
    entropy_unit: Literal['nats', 'share'] = 'nats'
    mean_penalty: Amount = 0.0
    actor_gradient: Literal['reinforce', 'dynamics', 'auto'] = 'reinforce'
    dynamics_share: Annotated[float, Range(-1, 1)] = -1.0
    discount_in_target: bool = True
    real_starts: bool = False
    value_centering: Share = 0.0
    slow_every: Count = 1
    slow_target: bool = False
    exploration: Literal['sample', 'noise', 'epsilon'] = 'sample'
    exploration_amount: Amount = 0.0
    planning: PlanningConfig = PlanningConfig()

    def __post_init__(self) -> None:
        if -1 < self.dynamics_share < 0:
            raise ConfigError(f'dynamics_share {self.dynamics_share}: from 0 to 1, or -1 (by the kind of actions)')
        if not self.bootstrap and self.method != 'value_gradient':
            raise ConfigError("bootstrap: false only with method 'value_gradient'")
        if self.rollouts != 1 and self.method != 'actor_critic':
            raise ConfigError(f"rollouts {self.rollouts}: 1 unless with method 'actor_critic'")
        if self.mean_penalty and self.method == 'planning':
            raise ConfigError(f"mean_penalty {self.mean_penalty:g}: 0 with method 'planning', which has no actor")
        if self.exploration == 'epsilon' and self.exploration_amount > 1:
            raise ConfigError(f'exploration_amount {self.exploration_amount}: at most 1 for epsilon')
        if self.return_low >= self.return_high:
            raise ConfigError(f'return_low {self.return_low:g}: below return_high ({self.return_high:g})')


@dataclasses.dataclass(frozen=True)
class AnnealConfig:
    """Linear fall of the learning rate after the warm-up: at update `steps` it is `final` times its full value, and stays so.

    steps 0 = the rate does not fall.
    """

    steps: Whole = 0
    final: Share = 0.1


@dataclasses.dataclass(frozen=True)
class OptimiserConfig:
    """LaProp with adaptive gradient clipping for all at once (DreamerV3), or an Adam each for world model, actor and critic.

    Attributes:
        learning_rate: of all, or of the world model; actor_rate and critic_rate of the others, 0 = the same.
        warmup: updates of linear warm-up; anneal: see AnnealConfig.
        agc, agc_minimum: adaptive gradient clipping of LaProp.
        clip: norm to which Adam's gradients are cut, together for each of the three; 0 = not.
        epsilon: added to the root of the second moment; in Adam to that of the moment before it is corrected for its start at
            zero (Keras), or, with epsilon_corrected, after (DayDreamer).
        decay: weight decay per update, of all tensors; or, with decay_kernels, times the learning rate and of matrices only.
    """

    learning_rate: Positive
    warmup: Whole = 0
    agc: Amount = 0.3
    agc_minimum: Amount = 1e-3
    beta1: ShareBelowOne = 0.9
    beta2: ShareBelowOne = 0.999
    epsilon: Positive = 1e-16
    anneal: AnnealConfig = AnnealConfig()
    method: Literal['laprop', 'adam'] = 'laprop'
    actor_rate: Amount = 0.0
    critic_rate: Amount = 0.0
    clip: Amount = 0.0
    decay: Amount = 0.0
    decay_kernels: bool = False
    epsilon_corrected: bool = False

    def __post_init__(self) -> None:
        if 0 < self.anneal.steps <= self.warmup:
            raise ConfigError(f'anneal: steps {self.anneal.steps}: 0, or above warmup ({self.warmup})')


@dataclasses.dataclass(frozen=True)
class ReplayConfig:
    """Replay memory and the batches drawn from it: `batch` windows of `length` steps, from `start` stored steps on.

    Attributes:
        online: every fresh window is trained on once soon after it arrived.
        context: the stored latent of the step before a window starts its recurrence; False = every window starts as an
            episode does.
        recent: half of the windows begin in as many newest steps, so that a robot learns sooner from where it is now; 0 = all
            windows are drawn from all steps.
        mirrored: probability that a window is seen as in a mirror, where the task says how.
    """

    capacity: Count
    batch: Count
    length: Annotated[int, Range(2)]
    start: Whole
    online: bool = False
    context: bool = False
    recent: Whole = 0
    mirrored: Share = 0.0

    def __post_init__(self) -> None:
        if self.capacity <= self.length:
            raise ConfigError(f'capacity {self.capacity}: must be above length ({self.length})')
