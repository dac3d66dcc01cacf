from dreamer_node.refusals import Refusals, Refused


def test_each_cause_is_said_once_and_always_counted() -> None:
    lines: list[str] = []
    refusals = Refusals(lines.append)
    for cause, text in (('b', 'first'), ('b', 'second'), ('a', 'third')):
        refusals.count(Refused(cause, text))
    assert [line.split(' (')[0] for line in lines] == ['refused: first', 'refused: third']
    assert refusals.values() == {'refused_a': 1, 'refused_b': 2}
    assert refusals.total == 3
