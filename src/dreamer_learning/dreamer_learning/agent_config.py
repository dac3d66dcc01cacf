"""The configuration of an agent: config/agents/<agent>.yaml, defaults, one block a size, and named blocks that stack."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from dreamer_learning.config import ConfigError, build, load_yaml, merge, nearest
from dreamer_learning.networks import Style
from dreamer_learning.spaces import Task


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Encoder and decoder, and the look of hidden layers everywhere.

    Attributes:
        units: width of every MLP layer (encoder, decoder, heads).
        encoder_layers, decoder_layers: MLP layers for vectors.
        depth: channels of the first convolution are depth * mults[0].
        mults: one convolution (and one halving of the image) each.
        images: pooled, stride-1 convolutions with max-pooling (DreamerV3); strided, 4x4 ones of stride 2 (the others).
        kernel: side of the square convolution kernels where images are pooled, pixels.
        image_blocks: blocks of the pooled decoder's first layer on the deterministic state.
        image_dense: whether the strided decoder begins with a dense layer.
        image_loss: mse, squared error of a sigmoid to x / 255; normal, -log N(x / 255 - 0.5; prediction, 1).
        image_centre: what the encoder takes off pixels in [0, 1].
        image_bits: colour depth that is kept.
        vector_loss: symlog, squared error in symlog space, which the encoder sees too; mse; normal, -log N(x; prediction, 1).
        norm, activation, initialiser: of hidden layers, see networks.Style.
        image_activation: of convolutions; '' = as elsewhere.
    """

    units: int
    encoder_layers: int
    decoder_layers: int
    depth: int
    mults: tuple[int, ...]
    images: Literal['pooled', 'strided'] = 'pooled'
    kernel: int = 5
    image_blocks: int = 8
    image_dense: bool = True
    image_loss: Literal['mse', 'normal'] = 'mse'
    image_centre: float = 0.5
    image_bits: int = 8
    vector_loss: Literal['symlog', 'mse', 'normal'] = 'symlog'
    norm: Literal['rms', 'layer', 'none'] = 'rms'
    activation: Literal['silu', 'elu', 'relu'] = 'silu'
    image_activation: Literal['', 'silu', 'elu', 'relu'] = ''
    initialiser: Literal['fan_in', 'glorot'] = 'fan_in'

    def __post_init__(self) -> None:
        if not 1 <= self.image_bits <= 8:
            raise ConfigError(f'image_bits {self.image_bits}: 1 to 8')

    @property
    def style(self) -> Style:
        return Style(self.norm, self.activation, self.initialiser)

    @property
    def image_style(self) -> Style:
        return Style(self.norm, self.image_activation or self.activation, self.initialiser)


@dataclasses.dataclass(frozen=True)
class DynamicsConfig:
    """Recurrent state-space model of `deter` units and `stoch` latent variables.

    Attributes:
        cell: block_gru of `blocks` blocks (DreamerV3); gru (Dreamer V1, as Keras has it), norm_gru (V2, DayDreamer),
            reset_first_gru (PlaNet).
        hidden: units of the layers between deter and latent.
        latent: categorical with `classes` each and a uniform share `unimix`, or gaussian.
        std: how a gaussian's deviation, above `min_std`, comes from the network: softplus(x) or sigmoid2, 2 sigmoid(x / 2).
        prior_layers: hidden layers between deter and the prior.
        initial: state before the first observation, zeros or learned.
    """

    deter: int
    hidden: int
    stoch: int
    classes: int = 32
    blocks: int = 1
    prior_layers: int = 1
    unimix: float = 0.0
    cell: Literal['block_gru', 'gru', 'norm_gru', 'reset_first_gru'] = 'block_gru'
    latent: Literal['categorical', 'gaussian'] = 'categorical'
    std: Literal['softplus', 'sigmoid2'] = 'softplus'
    min_std: float = 0.1
    initial: Literal['zeros', 'learned'] = 'zeros'

    def __post_init__(self) -> None:
        if self.deter % self.blocks:
            raise ConfigError(f'deter {self.deter}: must be a multiple of blocks ({self.blocks})')
        if not 2 <= self.classes <= 256:
            raise ConfigError(f'classes {self.classes}: 2 to 256 (the replay stores class numbers in one byte)')
        if not 0 <= self.unimix < 1:
            raise ConfigError(f'unimix {self.unimix}: at least 0 and below 1')
        if not self.min_std > 0:
            raise ConfigError(f'min_std {self.min_std}: above 0')

    @property
    def stoch_size(self) -> int:
        """Numbers of the flat latent."""
        return self.stoch * (self.classes if self.latent == 'categorical' else 1)


@dataclasses.dataclass(frozen=True)
class HeadConfig:
    """MLP layers of each head, and what each predicts.

    Attributes:
        reward, critic: twohot, symexp two-hot over `bins`; symlog, squared error in symlog space; normal,
            -log N(x; prediction, 1).
        continuation: whether there is such a head; without one, episodes never end in imagination.
        actor: of continuous actions: bounded, a normal whose mean is a tanh and whose deviation lies between actor_min_std and
            actor_max_std; normal, the same but for how that deviation begins (DayDreamer); tanh_normal (Dreamer V1); truncated, a
            normal cut at [-1, 1] (DreamerV2).
        actor_unimix: uniform share of discrete actions.
        outscale: of the last layers of reward and critic; continue_outscale and actor_outscale of the others.
    """

    reward_layers: int
    continue_layers: int
    actor_layers: int
    critic_layers: int
    bins: int = 255
    reward: Literal['twohot', 'symlog', 'normal'] = 'twohot'
    critic: Literal['twohot', 'symlog', 'normal'] = 'twohot'
    continuation: bool = True
    actor: Literal['bounded', 'normal', 'tanh_normal', 'truncated'] = 'bounded'
    actor_min_std: float = 0.1
    actor_max_std: float = 1.0
    actor_unimix: float = 0.0
    actor_outscale: float = 0.01
    continue_outscale: float = 1.0
    outscale: float = 0.0

    def __post_init__(self) -> None:
        if self.bins < 3 or self.bins % 2 == 0:
            raise ConfigError(f'bins {self.bins}: an odd number of at least 3')
        if not 0 < self.actor_min_std <= self.actor_max_std:
            raise ConfigError(f'actor_min_std {self.actor_min_std}: above 0 and at most actor_max_std')


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Scale of each loss, and the rule of the KL terms.

    Attributes:
        free_nats: below which a KL term is not pressed further.
        free_mean: free nats are of the mean KL of the batch (Dreamer V1, V2); False = of each (batch, time) element.
        kl_target: nats at which adapting a scale of both KL terms holds the KL (DayDreamer); 0 = a fixed scale of 1.
        reward_gradient, image_gradient: whether these losses train the representation; False for ablations.
        overshooting: open-loop steps of latent overshooting (PlaNet); 0 = none. `overshoot` scales that loss.
    """

    reconstruction: float = 1.0
    reward: float = 1.0
    continuation: float = 1.0
    dynamics: float = 1.0
    representation: float = 0.1
    actor: float = 1.0
    critic: float = 1.0
    replay_critic: float = 0.3
    overshoot: float = 1.0
    free_nats: float = 1.0
    free_mean: bool = False
    kl_target: float = 0.0
    reward_gradient: bool = True
    image_gradient: bool = True
    overshooting: int = 0

    def __post_init__(self) -> None:
        if self.overshooting < 0 or self.kl_target < 0:
            raise ConfigError('overshooting and kl_target are at least 0')


@dataclasses.dataclass(frozen=True)
class PlanningConfig:
    """Cross-entropy method (PlaNet, algorithm 2): `candidates` sequences of `horizon` actions, refitted to the best `top`."""

    horizon: int = 12
    iterations: int = 10
    candidates: int = 1000
    top: int = 100

    def __post_init__(self) -> None:
        if min(self.horizon, self.iterations, self.top) < 1 or self.top > self.candidates:
            raise ConfigError('planning: horizon, iterations and top are at least 1, and top at most candidates')


@dataclasses.dataclass(frozen=True)
class BehaviourConfig:
    """Learning in imagination, or planning; and how a policy explores.

    Attributes:
        method: actor_critic, as DreamerV3 does it (behaviour.py); value_gradient, as V1 and V2 do (value_gradient.py); planning,
            without actor and critic (planning.py).
        horizon: imagined steps H.
        imagination_starts: how many of the B*T states imagination starts from; 0 = all.
        discount_horizon: 1 / (1 - discount), steps.
        trace: lambda of the lambda-return.
        entropy: scale of the actor's entropy bonus; with an entropy_target, where it starts.
        entropy_target: share of the entropy that the actor's bounds allow, at which adapting the scale holds the actor; 0 = a
            fixed scale.
        entropy_scales: each, a scale for each dimension of the action, all held at the target; shared, one that holds their mean.
        entropy_rate: change of the adapted scales per update.
        entropy_unit: of the bonus, nats, or share: of the entropy that the actor's bounds allow (DayDreamer).
        actor_gradient: reinforce; dynamics: of the return through the imagined states (discrete actions straight-through); auto:
            dynamics for continuous actions, reinforce for discrete ones.
        dynamics_share: with method value_gradient, how much of the gradient goes through the dynamics, the rest by REINFORCE;
            -1 = all of it for continuous actions, none for discrete ones.
        discount_in_target: the continuation head learns the probability times the discount; False = the probability alone.
        value_centering: rate per update of the average reward whose value the critic leaves out; 0 = it leaves out nothing.
        slow_rate: rate at which the slow critic follows the critic, every `slow_every` updates.
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

    horizon: int = 15
    imagination_starts: int = 0
    discount_horizon: float = 333.0
    trace: float = 0.95
    entropy: float = 3e-4
    slow_rate: float = 0.02
    slow_regulariser: float = 1.0
    return_rate: float = 0.01
    return_limit: float = 1.0
    return_low: float = 5.0
    return_high: float = 95.0
    evaluation: Literal['mode', 'sample'] = 'mode'
    method: Literal['actor_critic', 'value_gradient', 'planning'] = 'actor_critic'
    return_normalisation: Literal['percentiles', 'none'] = 'percentiles'
    advantage_normalisation: Literal['none', 'mean_std'] = 'none'
    entropy_target: float = 0.0
    entropy_scales: Literal['each', 'shared'] = 'each'
    entropy_rate: float = 0.1
    entropy_unit: Literal['nats', 'share'] = 'nats'
    actor_gradient: Literal['reinforce', 'dynamics', 'auto'] = 'reinforce'
    dynamics_share: float = -1.0
    discount_in_target: bool = True
    value_centering: float = 0.0
    slow_every: int = 1
    slow_target: bool = False
    exploration: Literal['sample', 'noise', 'epsilon'] = 'sample'
    exploration_amount: float = 0.0
    planning: PlanningConfig = PlanningConfig()

    def __post_init__(self) -> None:
        if self.horizon < 1 or self.imagination_starts < 0 or self.slow_every < 1:
            raise ConfigError('horizon and slow_every are at least 1, imagination_starts at least 0')
        if not self.discount_horizon > 1:
            raise ConfigError(f'discount_horizon {self.discount_horizon}: above 1')
        if not 0 <= self.entropy_target < 1:
            raise ConfigError(f'entropy_target {self.entropy_target}: 0 (off) or a share below 1')
        if not 0 <= self.value_centering <= 1:
            raise ConfigError(f'value_centering {self.value_centering}: from 0 (off) to 1')
        if not (self.dynamics_share == -1 or 0 <= self.dynamics_share <= 1):
            raise ConfigError(f'dynamics_share {self.dynamics_share}: from 0 to 1, or -1 (by the kind of actions)')
        if self.exploration_amount < 0 or (self.exploration == 'epsilon' and self.exploration_amount > 1):
            raise ConfigError(f'exploration_amount {self.exploration_amount}: at least 0, and at most 1 for epsilon')


@dataclasses.dataclass(frozen=True)
class AnnealConfig:
    """Linear fall of the learning rate after the warm-up: at update `steps` it is `final` times its full value, and stays so.

    steps 0 = the rate does not fall.
    """

    steps: int = 0
    final: float = 0.1

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ConfigError(f'steps {self.steps}: at least 0')
        if not 0 <= self.final <= 1:
            raise ConfigError(f'final {self.final}: from 0 to 1')


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

    learning_rate: float
    warmup: int = 0
    agc: float = 0.3
    agc_minimum: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-16
    anneal: AnnealConfig = AnnealConfig()
    method: Literal['laprop', 'adam'] = 'laprop'
    actor_rate: float = 0.0
    critic_rate: float = 0.0
    clip: float = 0.0
    decay: float = 0.0
    decay_kernels: bool = False
    epsilon_corrected: bool = False

    def __post_init__(self) -> None:
        if 0 < self.anneal.steps <= self.warmup:
            raise ConfigError(f'anneal: steps {self.anneal.steps}: 0, or above warmup ({self.warmup})')


@dataclasses.dataclass(frozen=True)
class LatentSpec:
    """Stored latent of one step: deter (D) float16 and stoch (S) uint8 class numbers. Sizes of 0: nothing is stored."""

    deter: int
    stoch: int

    def __bool__(self) -> bool:
        return self.deter > 0


@dataclasses.dataclass(frozen=True)
class ReplayConfig:
    """Replay memory and the batches drawn from it: `batch` windows of `length` steps, from `start` stored steps on.

    Attributes:
        online: every fresh window is trained on once soon after it arrived.
        context: the stored latent of the step before a window starts its recurrence; False = every window starts as an
            episode does.
        recent: half of the windows begin in as many newest steps, so that a robot learns sooner from where it is now; 0 = all
            windows are drawn from all steps, as all agents of the family do.
    """

    capacity: int
    batch: int
    length: int
    start: int
    online: bool = False
    context: bool = False
    recent: int = 0

    def __post_init__(self) -> None:
        if self.recent < 0:
            raise ConfigError('recent is at least 0')
        if self.batch < 1 or self.length < 2:
            raise ConfigError('batch is at least 1 and length at least 2')
        if self.capacity <= self.length:
            raise ConfigError(f'capacity {self.capacity}: must be above length ({self.length})')


@dataclasses.dataclass(frozen=True)
class AgentConfig:
    """Everything about an agent that is not the task."""

    agent: str
    size: str
    blocks: tuple[str, ...]
    networks: NetworkConfig
    dynamics: DynamicsConfig
    heads: HeadConfig
    loss: LossConfig
    behaviour: BehaviourConfig
    optimiser: OptimiserConfig
    replay: ReplayConfig

    def hash(self, task: Task, robot: Mapping[str, Any] | None = None) -> str:
        """16 hexadecimal digits that agree exactly when parameters mean the same.

        They cover the agent, its networks, the task's spaces and control rate, and what actions mean on the robot.

        Args:
            robot: see robots.robot_identity; None = that of the task.
        """
        description = task.describe()
        parts = {
            'agent': self.agent,
            'networks': dataclasses.asdict(self.networks),
            'dynamics': dataclasses.asdict(self.dynamics),
            'heads': dataclasses.asdict(self.heads),
            'task': description if robot is None else {**description, 'robot': dict(robot)},
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def __post_init__(self) -> None:
        """Combinations that no part can see alone."""
        dynamics, replay = self.dynamics, self.replay
        if replay.context and (dynamics.latent == 'gaussian' or dynamics.initial == 'learned'):
            raise ConfigError('replay: context: only for categorical latents and an initial state of zeros')
        if self.networks.norm == 'rms' and dynamics.cell != 'block_gru':
            raise ConfigError(f"dynamics: cell '{dynamics.cell}' does not go with networks: norm 'rms'; allowed: layer, none")
        if self.behaviour.method == 'value_gradient' and self.loss.replay_critic:
            raise ConfigError("loss: replay_critic: 0 with behaviour: method 'value_gradient'")

    def check_actions(self, task: Task) -> None:
        """Combinations with what the task does.

        Raises:
            ConfigError: the behaviour needs the other kind of actions.
        """
        behaviour, discrete = self.behaviour, task.action.discrete
        if behaviour.method == 'planning' and discrete:
            raise ConfigError("behaviour: method 'planning' needs continuous actions; for discrete ones: actor_critic or "
                              'value_gradient')
        if behaviour.exploration == 'epsilon' and not discrete:
            raise ConfigError("behaviour: exploration 'epsilon' needs discrete actions; for continuous ones: sample or noise")

    @property
    def latent_spec(self) -> LatentSpec:
        """What the replay keeps of the state of each step."""
        kept = self.replay.context
        return LatentSpec(self.dynamics.deter, self.dynamics.stoch) if kept else LatentSpec(0, 0)

    def names(self) -> dict[str, str]:
        """What load_agent finds it by: agent, size, and blocks where there are some, separated by commas."""
        return {'agent': self.agent, 'size': self.size, **({'blocks': ','.join(self.blocks)} if self.blocks else {})}

    def describe(self) -> dict[str, Any]:
        """Plain data of every value."""
        return dataclasses.asdict(self)


def load_agent(config_dir: Path, agent: str, size: str, overrides: Mapping[str, Any] | None = None,
               blocks: Iterable[str] = ()) -> AgentConfig:
    """The agent config/agents/<agent>.yaml in one of its sizes.

    Args:
        config_dir: folder that holds agents/.
        agent: file name without .yaml.
        size: key under `sizes`.
        overrides: stacked last, for example {'replay': {'batch': 8}}.
        blocks: keys under `blocks`, stacked in this order on top of the size.

    Raises:
        ConfigError: unknown agent, size, block, key or value.
    """
    blocks = tuple(blocks)
    path = Path(config_dir) / 'agents' / f'{agent}.yaml'
    content = {'blocks': {}, **load_yaml(path)}
    for key in content:
        if key not in SECTIONS:
            raise ConfigError(f"{path}: unknown key '{key}'; {nearest(key, SECTIONS)}")
    values: Mapping[str, Any] = _mapping(path, content, 'defaults')
    chosen = [('sizes', size), *(('blocks', block) for block in blocks)]
    for section, name in chosen:
        named = _mapping(path, content, section)
        if name not in named:
            raise ConfigError(f"{path}: {section}: unknown {section[:-1]} '{name}'; {nearest(name, named)}")
        values = merge(values, _mapping(path, named, name))
    values = merge(values, overrides or {})
    for name in ('agent', 'size', 'blocks'):
        if name in values:
            raise ConfigError(f"{path}: key '{name}' is fixed by the file, the size and the blocks")
    return build(AgentConfig, {**values, 'agent': agent, 'size': size, 'blocks': list(blocks)}, str(path))


def block_names(text: str) -> tuple[str, ...]:
    """'a,b' -> ('a', 'b'): how parameters and launch arguments name blocks; '' = none."""
    return tuple(name.strip() for name in text.split(',') if name.strip())


SECTIONS = ('defaults', 'sizes', 'blocks')


def _mapping(path: Path, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: '{key}' must be a mapping, not {value!r}")
    return value
