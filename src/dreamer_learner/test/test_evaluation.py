import dataclasses

import numpy as np
import pytest
from steps import step

from dreamer_learner.evaluation import Episode, Evaluation, summarise
from dreamer_node.wire import CompleteStep


def timeline(rewards: list[float], first: int = 0, envs: int = 1) -> list[CompleteStep]:
    """One episode for all environments; environment e earns e more in each step."""
    items = []
    for index, reward in enumerate(rewards):
        place = np.full(envs, index)
        items.append(dataclasses.replace(
            step(first + index, envs=envs), reward=np.float32(reward) + np.arange(envs, dtype=np.float32),
            is_first=place == 0, is_last=place == len(rewards) - 1, is_terminal=np.zeros(envs, bool)))
    return items


def run(items: list[CompleteStep], foreign: tuple[int, ...] = ()) -> Evaluation:
    evaluation = Evaluation()
    for item in items:
        evaluation.add(item, item.step not in foreign)
    return evaluation


def test_counts_whole_episodes_without_the_reward_of_their_first_step() -> None:
    evaluation = run([*timeline([9.0, 1.0, 2.0, 3.0]), *timeline([9.0, 5.0], 4), *timeline([0.0, 7.0, 7.0], 6)[:2]])
    assert evaluation.episodes == [Episode(6.0, 3), Episode(5.0, 1)]
    assert evaluation.left_out == 0


def test_environments_end_on_their_own() -> None:
    evaluation = run(timeline([0.0, 1.0, 2.0], envs=2))
    assert evaluation.episodes == [Episode(3.0, 2), Episode(5.0, 2)]


@pytest.mark.parametrize('foreign', [0, 1, 2])
def test_an_episode_with_a_foreign_action_is_left_out(foreign: int) -> None:
    evaluation = run([*timeline([0.0, 1.0, 2.0, 3.0]), *timeline([0.0, 5.0], 4)], (foreign,))
    assert evaluation.episodes == [Episode(5.0, 1)]
    assert evaluation.left_out == 1


def test_the_action_after_the_last_observation_does_not_matter() -> None:
    assert run(timeline([0.0, 1.0, 2.0]), (2,)).episodes == [Episode(3.0, 2)]


@pytest.mark.parametrize('gap', [1, 4])
def test_an_episode_with_a_gap_or_without_its_beginning_is_left_out(gap: int) -> None:
    items = [*timeline([0.0, 1.0, 2.0, 3.0]), *timeline([0.0, 5.0, 5.0], 4)]
    del items[gap]
    evaluation = run(items)
    assert [episode.reward for episode in evaluation.episodes] == [10.0 if gap == 1 else 6.0]


def test_summary() -> None:
    assert summarise([Episode(2.0, 4), Episode(4.0, 2)]) == {
        'episodes': 2, 'mean': 3.0, 'std': pytest.approx(2**0.5), 'lowest': 2.0, 'highest': 4.0, 'steps': 6,
        'reward_per_step': 1.0}
    assert summarise([Episode(2.0, 4)])['std'] == 0.0
