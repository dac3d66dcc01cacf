"""Step numbers and flags at every boundary."""

from __future__ import annotations

from dreamer_sensing.episode import EpisodeCounter


def flags(counter: EpisodeCounter, count: int) -> list[tuple[int, bool, bool]]:
    steps = [counter.next() for _ in range(count)]
    return [(step.step, step.is_first, step.is_last) for step in steps]


def test_pseudo_episodes() -> None:
    assert flags(EpisodeCounter(3), 7) == [
        (0, True, False), (1, False, False), (2, False, True),
        (3, True, False), (4, False, False), (5, False, True),
        (6, True, False),
    ]


def test_the_published_length() -> None:
    steps = flags(EpisodeCounter(250), 501)
    assert [step for step, first, _ in steps if first] == [0, 250, 500]
    assert [step for step, _, last in steps if last] == [249, 499]


def test_no_limit() -> None:
    steps = flags(EpisodeCounter(0), 1000)
    assert [step for step, first, _ in steps if first] == [0]
    assert not any(last for _, _, last in steps)


def test_episodes_of_one_step() -> None:
    assert flags(EpisodeCounter(1), 2) == [(0, True, True), (1, True, True)]


def test_a_cut_begins_an_episode_and_counts_from_there() -> None:
    counter = EpisodeCounter(3)
    flags(counter, 2)
    counter.cut()
    assert flags(counter, 4) == [(2, True, False), (3, False, False), (4, False, True), (5, True, False)]
    assert counter.cuts == 1


def test_a_cut_where_an_episode_begins_anyway_changes_nothing() -> None:
    counter = EpisodeCounter(2)
    counter.cut()
    assert flags(counter, 2) == [(0, True, False), (1, False, True)]
    counter.cut()
    counter.cut()
    assert flags(counter, 2) == [(2, True, False), (3, False, True)]
    assert counter.cuts == 0


def test_every_start_is_another_stream() -> None:
    assert EpisodeCounter(3).stream != EpisodeCounter(3).stream
    assert 0 < EpisodeCounter(3).stream < 2**64
    assert EpisodeCounter(3, stream=7).stream == 7
