"""The control path ahead of ordinary processes: SCHED_FIFO, as ros2_control's controller manager asks for it.

An ordinary process that wakes up waits its turn behind those that compute, which on a busy core takes some 10 ms now and then,
also behind one of lower priority (nice). A real-time one waits for the kernel only. The kernel itself keeps real-time processes
from taking a whole core (sched_rt_runtime_us).
"""

from __future__ import annotations

import gc
import os
import threading

from rclpy.node import Node

from dreamer_learning.config import ConfigError, Range
from dreamer_node.runtime import declare

PRIORITIES = Range(0, 98)
"""0 = none. 99 is the kernel's own; interrupts have 50 where they are threads."""


def prepare(node: Node) -> None:
    """Make the process of a finished node fit for a control loop: `setup` of run_node.

    Its parameter `realtime_priority` is declared and taken. Where the system does not permit it, the node says so and goes on
    as an ordinary process.

    Raises:
        ConfigError: not an allowed number.
    """
    wanted = declare(node, 'realtime_priority', 0, 'SCHED_FIFO priority, 1 to 98, where the system permits it; 0 = none')
    if wanted not in PRIORITIES:
        raise ConfigError(f'parameter realtime_priority: {wanted} is not allowed; allowed: int of {PRIORITIES}')
    if wanted:
        fault = take(wanted)
        if fault:
            logger = node.get_logger()
            # A simulated robot is not harmed by a late answer.
            say = logger.info if node.get_parameter('use_sim_time').value else logger.warning
            say(f'realtime_priority: {wanted} is not permitted ({fault}); going on as an ordinary process, whose answers may be '
                "late where cores are busy; to permit it: 'ulimit -r 98', or rtprio in /etc/security/limits.conf")
    # What lives now lives to the end: later collections of garbage do not walk through it, which takes some 10 ms.
    gc.collect()
    gc.freeze()


def priority() -> int:
    """The real-time priority of the calling thread; 0 = none."""
    return os.sched_getparam(0).sched_priority if hasattr(os, 'sched_getparam') else 0


def take(wanted: int) -> str:
    """Give all threads of this process a real-time priority; returns why that is not possible, '' = done.

    Python's threads beside the main one, which work in the background, get one less: they never hold up the control loop, but
    no ordinary process holds up one of them that has the interpreter's lock. New threads get that of the one that starts them.
    """
    if not hasattr(os, 'sched_setscheduler'):
        return 'this system has none'
    background = {thread.native_id for thread in threading.enumerate() if thread is not threading.main_thread()}
    for entry in os.listdir('/proc/self/task'):
        thread = int(entry)
        value = max(1, wanted - 1) if thread in background else wanted
        try:
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(value))
        except ProcessLookupError:
            continue  # it has ended
        except OSError as error:
            return error.strerror or str(error)
    return ''
