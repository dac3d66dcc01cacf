import resource
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from steps import step, steps

from dreamer_learner import saving
from dreamer_learner.credit import TrainCredit
from dreamer_learner.experience import CompleteStep, Experience
from dreamer_learner.session import Session
from dreamer_learner.trainer import Trainer
from dreamer_learner.updater import BAD_IN_A_ROW, TrainingFailed, Updater, choose_threads
from dreamer_learning import weights
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import load_agent
from dreamer_learning.policy import Policy
from dreamer_learning.replay import LatentSpec, Replay
from dreamer_learning.spaces import load_task


class Collected:
    """An outlet that keeps what it gets."""

    def __init__(self, wants_images: bool = False) -> None:
        self.weights: list[tuple[bytes, int, int]] = []
        self.images: list[np.ndarray] = []
        self.limits: list[int] = []
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.between_updates: Callable[[], None] = lambda: None
        self._wants_images = wants_images

    def publish_weights(self, data: bytes, updates: int, env_steps: int) -> None:
        self.weights.append((data, updates, env_steps))

    def publish_image(self, image: np.ndarray) -> None:
        self.images.append(image)

    def image_wanted(self) -> bool:
        # The training thread asks this last before it begins the next update.
        self.between_updates()
        return self._wants_images

    def publish_limit(self, observations: int) -> None:
        self.limits.append(observations)

    def extra_state(self) -> dict[str, Any]:
        return {'weights_version': 5}

    def info(self, text: str) -> None:
        self.lines.append(text)

    def error(self, text: str) -> None:
        self.errors.append(text)


class Rig:
    """A trainer with a real agent, resumed from `directory` where that holds a checkpoint."""

    def __init__(
        self, config_dir: Path, directory: Path, ratio: float, exact: bool, recorded: Iterable[CompleteStep] = (),
        outlet: Collected | None = None, save_period: float = 60.0,
    ) -> None:
        self.config, self.task = load_agent(config_dir, 'small', 'tiny', {}), load_task(config_dir, 'reach')
        latent = LatentSpec(32, 4)
        memory = Replay(1000, self.task, latent, 3, 8)
        self.agent = Agent(self.config, self.task, 'cpu', 3)
        self.experience = Experience(memory, self.task, latent)
        self.outlet = outlet or Collected()
        self.updater = Updater(self.agent, memory, self.outlet.error, self.outlet.info)
        credit = TrainCredit(ratio, 4, 8, 24)
        loaded = saving.load(directory, self.outlet.info, self.outlet.error)
        if loaded is not None:
            self.agent.load_state_dict(loaded.payload['agent'])
            self.experience.load_state_dict(loaded.payload['experience'])
            credit.load_state_dict(loaded.payload['credit'])
        session = Session(self.updater, self.experience, credit, 0, ready=False)
        self.trainer = Trainer(
            session, saving.Saver(directory), self.outlet, lambda: recorded,
            periods=(0.05, save_period, 0.05), threads=1, exact=exact,
        )

    def feed(self, items: Iterable[CompleteStep]) -> None:
        for item in items:
            self.trainer.put(item)

    def wait(self, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if self.trainer.failure is not None:
                raise self.trainer.failure
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def wait_for(self, env_steps: int = 0, updates: int = 0) -> None:
        self.wait(lambda: self.experience.env_steps >= env_steps and self.agent.updates >= updates)

    def parameters(self) -> torch.Tensor:
        return torch.cat([value.flatten() for value in self.agent.policy_parameters().values()])


def test_trains_continuously_and_publishes_weights_that_a_policy_takes(config_dir: Path, tmp_path: Path) -> None:
    rig = Rig(config_dir, tmp_path, 0.0, exact=False, outlet=Collected(wants_images=True))
    rig.trainer.start()
    rig.feed(steps(0, 23))
    rig.wait(lambda: rig.experience.env_steps == 23)
    assert rig.agent.updates == 0
    rig.feed(steps(23, 40))
    rig.wait(lambda: len(rig.outlet.weights) >= 2 and bool(rig.outlet.images))
    rig.trainer.stop()
    data, updates, env_steps = rig.outlet.weights[0]
    assert updates == 1
    assert 24 <= env_steps <= 40
    assert rig.outlet.weights[1][1] > 1
    policy = Policy(rig.config, rig.task, 'cpu', 0)
    policy.load(weights.parse(data))
    assert rig.outlet.images[0].shape[2] == 3
    assert rig.outlet.limits == []
    assert rig.trainer.failure is None


def test_a_first_update_that_is_being_compiled_is_not_waited_for(
    config_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(config_dir, tmp_path, 0.0, exact=False)
    began, go_on = threading.Event(), threading.Event()
    train = rig.agent.train_step

    def compile_first(batch: dict[str, torch.Tensor]) -> dict[str, Any]:
        began.set()
        assert go_on.wait(60)
        return train(batch)

    rig.agent.compiled = True
    monkeypatch.setattr(rig.agent, 'train_step', compile_first)
    rig.trainer.start()
    rig.feed(steps(0, 40))
    assert began.wait(60)
    rig.trainer.stop()
    assert rig.agent.updates == 0
    go_on.set()
    # The update is counted a moment before it has ended.
    rig.wait(lambda: rig.agent.updates > 0 and not rig.updater.compiling)
    rig.trainer.stop()
    assert not rig.updater.compiling
    told = [line for line in rig.outlet.lines if 'with the compilation of its parts, took ' in line]
    assert len(told) == 1


def test_ratio_with_exact_order_gives_the_same_parameters_however_steps_arrive(
    config_dir: Path, tmp_path: Path
) -> None:
    # 24 + 12 steps at 16 replayed steps each, 32 an update: 1 + 6 updates.
    results = []
    for name, chunks in (('at once', [(0, 36)]), ('in pieces', [(0, 5), (5, 25), (25, 36)])):
        rig = Rig(config_dir, tmp_path / name, 16.0, exact=True)
        rig.trainer.start()
        for start, end in chunks:
            rig.feed(steps(start, end))
            rig.wait_for(env_steps=end)
        rig.wait_for(updates=7)
        rig.trainer.stop()
        results.append(rig.parameters())
        # The first limit, 24, is only told where the trainer waits for steps before it.
        assert [limit for limit in rig.outlet.limits if limit != 24] == [26, 28, 30, 32, 34, 36, 38]
    assert torch.equal(*results)


def test_resume_is_as_if_nothing_had_happened(config_dir: Path, tmp_path: Path) -> None:
    whole = Rig(config_dir, tmp_path / 'whole', 16.0, exact=True)
    whole.trainer.start()
    whole.feed(steps(0, 30))
    whole.wait(lambda: whole.agent.updates == 4)
    first = Rig(config_dir, tmp_path / 'parts', 16.0, exact=True)
    first.trainer.start()
    first.feed(steps(0, 30))
    first.wait(lambda: first.agent.updates == 4)
    first.trainer.stop()
    whole.trainer.stop()

    second = Rig(config_dir, tmp_path / 'parts', 16.0, exact=True, recorded=steps(0, 30))
    assert second.agent.updates == 4
    assert torch.equal(second.parameters(), first.parameters())
    second.trainer.start()
    second.wait(lambda: len(second.outlet.weights) > 0)
    assert second.outlet.weights[0][1:] == (4, 30)
    second.feed(steps(20, 36))
    second.wait(lambda: second.agent.updates == 7)
    second.trainer.stop()
    assert second.experience.env_steps == 36
    assert len(second.experience.replay) == 36
    assert any('resumed from' in line for line in second.outlet.lines)


def test_weights_of_a_checkpoint_are_out_before_the_bags_are_read(config_dir: Path, tmp_path: Path) -> None:
    first = Rig(config_dir, tmp_path, 16.0, exact=True)
    first.trainer.start()
    first.feed(steps(0, 24))
    first.wait(lambda: first.agent.updates == 1)
    first.trainer.stop()
    outlet, published = Collected(), []

    def bags() -> Iterator[CompleteStep]:
        published.append(len(outlet.weights))
        yield from steps(0, 24)

    second = Rig(config_dir, tmp_path, 16.0, exact=True, recorded=bags(), outlet=outlet)
    second.trainer.start()
    second.wait(lambda: bool(published) and second.experience.env_steps == 24)
    second.trainer.stop()
    assert published == [1]
    assert outlet.weights[0][1:] == (1, 24)


def test_a_checkpoint_that_takes_long_is_announced_and_written_all_the_same(config_dir: Path, tmp_path: Path) -> None:
    held, go_on = threading.Event(), threading.Event()
    rig = Rig(config_dir, tmp_path, 0.0, exact=False)

    def hold() -> None:
        if rig.agent.updates:
            held.set()
            go_on.wait(20.0)

    rig.outlet.between_updates = hold
    rig.trainer.start()
    rig.feed(steps(0, 30))
    rig.wait(held.is_set)
    answer = rig.trainer.save(0.05)
    assert not answer.good
    assert 'is being written' in answer.text
    assert list(tmp_path.iterdir()) == []
    go_on.set()
    rig.wait(lambda: bool(list(tmp_path.glob('checkpoint-*.safetensors'))))
    rig.trainer.stop()


def test_steps_that_came_after_the_checkpoint_are_paid_for(config_dir: Path, tmp_path: Path) -> None:
    first = Rig(config_dir, tmp_path, 16.0, exact=True)
    first.trainer.start()
    first.feed(steps(0, 24))
    first.wait(lambda: first.agent.updates == 1)
    first.trainer.stop()
    second = Rig(config_dir, tmp_path, 16.0, exact=True, recorded=steps(0, 30))
    second.trainer.start()
    second.wait(lambda: second.agent.updates == 4)
    second.trainer.stop()
    assert second.experience.env_steps == 30


def test_nothing_is_owed_while_no_window_is_stored(config_dir: Path, tmp_path: Path) -> None:
    rig = Rig(config_dir, tmp_path, 16.0, exact=True)
    rig.trainer.start()
    broken = [step(4 * index) for index in range(24)]
    rig.feed(broken)
    rig.wait(lambda: rig.experience.env_steps == 24 and bool(rig.outlet.limits) and rig.outlet.limits[-1] == 93 + 8)
    assert rig.agent.updates == 0
    rig.feed(steps(93, 101))
    rig.wait(lambda: rig.agent.updates == 1)
    rig.trainer.stop()
    assert rig.trainer.failure is None


def test_losses_that_are_not_finite_are_counted_and_end_training_after_some(config_dir: Path, tmp_path: Path) -> None:
    # Saving and publishing after every update, as far as that is allowed.
    rig = Rig(config_dir, tmp_path, 0.0, exact=False, save_period=1e-6)
    rig.trainer.start()
    rig.feed(steps(0, 30))
    rig.wait_for(updates=2)

    def spoil() -> None:
        with torch.no_grad():
            next(rig.agent.networks.parameters()).fill_(float('nan'))

    rig.outlet.between_updates = spoil
    text = f'{BAD_IN_A_ROW} updates in a row without a finite loss.* loss/dynamics is NaN'
    with pytest.raises(TrainingFailed, match=text) as caught:
        rig.wait(lambda: False)
    rig.trainer.stop()
    kept = max(tmp_path.glob('checkpoint-*'))
    assert str(caught.value).endswith(f'; the last good checkpoint is kept: {kept}')
    name = next(iter(rig.agent.networks.state_dict()))
    assert [line for line in rig.outlet.errors if 'left out' in line] == [
        f'update {rig.agent.updates - BAD_IN_A_ROW + 1} left out: loss/dynamics is NaN, of a batch without fault; '
        f'not finite either: {name} (counted, not said again)']
    assert rig.updater.bad == BAD_IN_A_ROW
    newest = saving.load(tmp_path, rig.outlet.info, rig.outlet.error)
    assert newest is not None
    assert newest.payload['agent']['updates'] >= 1
    assert newest.payload['agent']['updates'] <= rig.agent.updates - BAD_IN_A_ROW
    for data, *_ in rig.outlet.weights:
        assert all(torch.isfinite(value).all() for value in weights.parse(data).values())


def test_a_full_disk_is_an_error_line_and_training_goes_on(config_dir: Path, tmp_path: Path) -> None:
    rig = Rig(config_dir, tmp_path, 0.0, exact=False)
    rig.trainer.start()
    rig.feed(steps(0, 30))
    rig.wait(lambda: rig.agent.updates >= 1)
    first = Path(rig.trainer.save(20.0).text)
    good = first.read_bytes()
    updates = rig.agent.updates
    rig.wait(lambda: rig.agent.updates > updates)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow beyond 4 kB: what a full disk does to a checkpoint.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        failed = rig.trainer.save(20.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not failed.good
    assert str(tmp_path) in failed.text
    assert rig.outlet.errors == [failed.text]
    assert list(tmp_path.iterdir()) == [first]
    assert first.read_bytes() == good
    updates = rig.agent.updates
    rig.wait(lambda: rig.agent.updates > updates)
    assert rig.trainer.save(20.0).good
    rig.trainer.stop()


def test_a_checkpoint_cut_short_is_passed_over_in_one_line(config_dir: Path, tmp_path: Path) -> None:
    rig = Rig(config_dir, tmp_path, 0.0, exact=False)
    rig.trainer.start()
    rig.feed(steps(0, 30))
    rig.wait(lambda: rig.agent.updates >= 1)
    first = rig.trainer.save(20.0)
    updates = rig.agent.updates
    rig.wait(lambda: rig.agent.updates > updates)
    rig.trainer.stop()
    newest = max(tmp_path.glob('checkpoint-*'))
    assert str(newest) != first.text
    newest.write_bytes(newest.read_bytes()[:-100])
    again = Rig(config_dir, tmp_path, 0.0, exact=False)
    assert again.agent.updates >= 1
    assert again.outlet.lines[-1] == f'resumed from {first.text}'
    assert len(again.outlet.errors) == 1
    assert newest.name in again.outlet.errors[0]


def test_saving_after_the_end_says_so(config_dir: Path, tmp_path: Path) -> None:
    rig = Rig(config_dir, tmp_path, 0.0, exact=False)
    rig.trainer.start()
    rig.trainer.stop()
    assert not rig.trainer.save(1.0).good


@pytest.mark.parametrize(
    ('asked', 'cores', 'device', 'expected'),
    [(0, 2, 'cpu', 1), (0, 1, 'cpu', 1), (0, 64, 'cpu', 4), (3, 2, 'cpu', 3), (0, 16, 'cuda', 1)],
)
def test_threads(asked: int, cores: int, device: str, expected: int) -> None:
    assert choose_threads(asked, cores, torch.device(device)) == expected
