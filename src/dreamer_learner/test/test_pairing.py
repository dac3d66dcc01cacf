import itertools

import numpy as np
import pytest

from dreamer_learner.pairing import WINDOW, Acted, Pairing
from dreamer_node.wire import Step


def observed(step: int, stream: int = 1) -> Step:
    flag, tensors = np.zeros(1, bool), {'x': np.full((1, 2), step, np.float32)}
    return Step(stream, step, 0.05 * step, tensors, np.array([step], np.float32), flag, flag, flag)


def acted(step: int, stream: int = 1) -> Acted:
    return Acted(stream, step, np.full((1, 3), -step, np.float32), {})


def feed(pairing: Pairing, *messages: Step | Acted) -> list[tuple[int, int]]:
    pairs = []
    for message in messages:
        pairs += pairing.observe(message) if isinstance(message, Step) else pairing.act(message)
    for pair in pairs:
        assert pair.tensors['x'][0, 0] == pair.step
        assert pair.reward[0] == pair.step
        assert pair.action[0, 0] == -pair.step
    return [(pair.stream, pair.step) for pair in pairs]


@pytest.mark.parametrize('order', list(itertools.permutations(range(4))))
def test_pairs_come_in_order_however_the_messages_come(order: tuple[int, ...]) -> None:
    pairing = Pairing()
    messages: list[Step | Acted] = [observed(1), acted(1), observed(2), acted(2)]
    assert feed(pairing, observed(0), acted(0)) == [(1, 0)]
    shuffled = [messages[index] for index in order]
    assert feed(pairing, *shuffled) == [(1, 1), (1, 2)]
    assert (pairing.gaps, pairing.retries, pairing.stale) == (0, 0, 0)


def test_retries_are_ignored_before_and_after_the_pair_is_complete() -> None:
    pairing = Pairing()
    assert feed(pairing, observed(0), observed(0), acted(0), observed(0), acted(0)) == [(1, 0)]
    assert pairing.retries == 3
    assert feed(pairing, observed(1), acted(1)) == [(1, 1)]


def test_a_lost_action_holds_back_later_steps_for_a_while_then_counts_as_one_gap() -> None:
    pairing = Pairing()
    feed(pairing, observed(0), acted(0), observed(1))
    held: list[tuple[int, int]] = []
    for step in range(2, 2 + WINDOW):
        held += feed(pairing, observed(step), acted(step))
    assert held == []
    assert pairing.stuck()
    released = feed(pairing, observed(2 + WINDOW), acted(2 + WINDOW))
    assert released[0] == (1, 2)
    assert pairing.gaps == 1
    assert feed(pairing, acted(1)) == []


def test_a_late_action_within_the_window_loses_nothing() -> None:
    pairing = Pairing()
    assert feed(pairing, observed(0), acted(0), observed(1), observed(2), acted(2)) == [(1, 0)]
    assert feed(pairing, acted(1)) == [(1, 1), (1, 2)]
    assert pairing.gaps == 0


def test_flush_gives_up_what_is_missing() -> None:
    pairing = Pairing()
    feed(pairing, observed(0), acted(0), observed(3), acted(3))
    assert [pair.step for pair in pairing.flush()] == [3]
    assert pairing.gaps == 2
    assert not pairing.stuck()


def test_a_learner_that_comes_late_starts_in_the_middle_without_gaps() -> None:
    pairing = Pairing()
    assert feed(pairing, acted(39), acted(40), observed(40), observed(41), acted(41)) == [(1, 40), (1, 41)]
    assert pairing.gaps == 0


def test_only_observations_start_a_stream() -> None:
    pairing = Pairing()
    assert feed(pairing, observed(0, 2), acted(98, 1), acted(99, 1), acted(0, 2), observed(1, 2), acted(1, 2)) == [
        (2, 0), (2, 1),
    ]


def test_a_new_stream_ends_the_one_before() -> None:
    pairing = Pairing()
    assert feed(pairing, observed(5), acted(5), observed(7), acted(7), observed(0, 2), acted(0, 2)) == [
        (1, 5), (1, 7), (2, 0),
    ]
    assert feed(pairing, observed(8), acted(8)) == []
    assert pairing.stale == 2


def test_what_waits_for_nothing_is_bounded() -> None:
    pairing = Pairing()
    for step in range(5000):
        pairing.observe(observed(step))
        pairing.act(acted(step, stream=99))
    assert pairing.waiting() < 1000
