from dreamer_actor.refusals import Refusals


def test_each_cause_is_said_once_and_always_counted() -> None:
    lines: list[str] = []
    refusals = Refusals(lines.append)
    for cause, text in (('a', 'first'), ('a', 'second'), ('b', 'third')):
        refusals.count(cause, text)
    assert [line.split(' ')[0] for line in lines] == ['first', 'third']
    assert refusals.counts == {'a': 2, 'b': 1}
    assert refusals.total == 3
