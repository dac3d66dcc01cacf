from dreamer_learner.rivals import START_TIME, must_yield


def test_the_learner_that_came_later_yields() -> None:
    assert must_yield(200.5, ['loss', START_TIME], [1.0, 200.25])
    assert not must_yield(200.25, [START_TIME], [200.5])


def test_its_own_metrics_and_those_of_others_do_not_matter() -> None:
    assert not must_yield(200.5, [START_TIME, 'loss'], [200.5, 1.0])
    assert not must_yield(200.5, ['loss'], [1.0])
