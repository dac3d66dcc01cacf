"""Real-time priority of a process that runs a node, as far as the system permits it."""

import os
import subprocess
import sys
import textwrap

import pytest

PROGRAM = textwrap.dedent('''
    import gc
    import os
    import sys
    import threading
    from rclpy.clock import Clock, ClockType
    from dreamer_node import realtime
    from dreamer_node.node import Node
    from dreamer_node.runtime import run_node

    class Loop(Node):
        def __init__(self):
            super().__init__('loop')
            waiting = threading.Event()
            self.helper = threading.Thread(target=waiting.wait, daemon=True)
            self.helper.start()
            self.timer = self.create_timer(0.01, self.tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

        def tick(self):
            threads = {int(entry): os.sched_getparam(int(entry)).sched_priority for entry in os.listdir('/proc/self/task')}
            helper = threads.pop(self.helper.native_id)
            print(sorted(set(threads.values())), helper, os.sched_getscheduler(0) == os.SCHED_FIFO, realtime.priority(),
                  gc.get_freeze_count() > 0, flush=True)
            self.stop.request()

    sys.exit(run_node(Loop, setup=realtime.prepare))
''')
PERMITTED = subprocess.run(['chrt', '--fifo', '20', 'true'], stderr=subprocess.DEVNULL).returncode == 0
# What takes the permission away from a process, also from root's.
DROPPED = ['setpriv', '--bounding-set=-sys_nice'] if os.geteuid() == 0 else []
NOT_PERMITTED = ['prlimit', '--rtprio=0:0', *DROPPED] if PERMITTED else []


def run(priority: int, prefix: list[str], simulated: bool = False) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    done = subprocess.run(
        [*prefix, sys.executable, '-c', PROGRAM, '--ros-args', '-p', f'realtime_priority:={priority}',
         '-p', f'use_sim_time:={simulated}'],
        text=True, capture_output=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(('priority', 'expected'), [
    (20, '[20] 19 True 20 True\n'),
    (1, '[1] 1 True 1 True\n'),
    (0, '[0] 0 False 0 True\n'),
])
def test_all_threads_have_the_priority_and_those_in_the_background_one_less(priority: int, expected: str) -> None:
    code, output, errors = run(priority, [])
    assert code == 0, errors
    if PERMITTED or not priority:
        assert (output, errors) == (expected, '')
    else:
        assert 'is not permitted' in errors


@pytest.mark.parametrize(('simulated', 'severity'), [(False, '[WARN]'), (True, '[INFO]')])
def test_where_it_is_not_permitted_the_node_says_so_and_runs(simulated: bool, severity: str) -> None:
    code, output, errors = run(20, NOT_PERMITTED, simulated)
    assert (code, output) == (0, '[0] 0 False 0 True\n')
    assert errors.count('\n') == 1
    assert severity in errors
    assert 'realtime_priority: 20 is not permitted (Operation not permitted); going on as an ordinary process' in errors


def test_what_is_no_priority_is_refused() -> None:
    assert run(99, []) == (
        2, '', 'error: parameter realtime_priority: 99 is not allowed; allowed: int of at least 0 and at most 98\n')
