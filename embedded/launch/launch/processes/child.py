"""One child process under asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Callable
from typing import Any

from .session import ProcessSession
from .terminal import open_terminal

OnOutput = Callable[[int, bytes], None]

# How long output is awaited after the exit of a process whose own children still hold its pipes.
_DRAIN_SECONDS = 0.5


class _TerminalReader(asyncio.Protocol):
    """Passes what a process writes to a pseudo terminal on to its protocol."""

    def __init__(self, child: ChildProcess, descriptor: int) -> None:
        self._child = child
        self._descriptor = descriptor

    def data_received(self, data: bytes) -> None:
        self._child.pipe_data_received(self._descriptor, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._child.pipe_connection_lost(self._descriptor, exc)


class ChildProcess(asyncio.SubprocessProtocol):
    """Holds output until it is asked for, and tells when the process has ended; made by :func:`start_process`."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._on_output: OnOutput | None = None
        self._held: list[tuple[int, bytes]] = []
        self._exited: asyncio.Future[int] = loop.create_future()
        self._drained = asyncio.Event()
        self._open: set[int] = {1, 2}
        self._transport: asyncio.SubprocessTransport | None = None
        self._terminals: list[asyncio.ReadTransport] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if self._on_output is None:
            self._held.append((fd, data))
        else:
            self._on_output(fd, data)

    def deliver_output(self, on_output: OnOutput) -> None:
        """From now on call `on_output(descriptor, bytes)`; what was written before comes first."""
        self._on_output = on_output
        for fd, data in self._held:
            on_output(fd, data)
        self._held.clear()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self._drained.set()

    def process_exited(self) -> None:
        assert self._transport is not None
        returncode = self._transport.get_returncode()
        if not self._exited.done():
            self._exited.set_result(-1 if returncode is None else returncode)

    async def read_terminal(self, descriptor: int, ours: int) -> None:
        """Read what arrives at `ours` as output of `descriptor` (1 or 2)."""
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: _TerminalReader(self, descriptor), os.fdopen(ours, 'rb', 0))
        self._terminals.append(transport)

    @property
    def transport(self) -> asyncio.SubprocessTransport:
        """The asyncio transport."""
        assert self._transport is not None
        return self._transport

    @property
    def pid(self) -> int:
        """The process id."""
        return self.transport.get_pid()

    @property
    def has_exited(self) -> bool:
        """Whether the process has ended."""
        return self._exited.done()

    async def exited(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds; return whether the process has ended."""
        await asyncio.wait([self._exited], timeout=timeout)
        return self._exited.done()

    async def wait(self) -> int:
        """Return the exit code (-n after signal n) when the process has ended and its output is complete."""
        returncode = await asyncio.shield(self._exited)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._drained.wait(), _DRAIN_SECONDS)
        return returncode

    def send_signal(self, signal_number: int) -> bool:
        """Send a signal; return False if the process has ended."""
        if self._exited.done():
            return False
        try:
            # Not by the transport: it would look whether the process has ended, and take the exit code from who waits for it.
            os.kill(self.pid, signal_number)
        except ProcessLookupError:
            return False
        return True

    def write(self, data: bytes) -> None:
        """Write to the standard input of the process."""
        stdin = self.transport.get_pipe_transport(0)
        if isinstance(stdin, asyncio.WriteTransport):
            stdin.write(data)

    def close(self) -> None:
        """Kill the process if it is alive, and release everything."""
        self.transport.close()
        for terminal in self._terminals:
            terminal.close()


async def start_process(
    cmd: list[str], *, cwd: str | None, env: dict[str, str], shell: bool, emulate_tty: bool,
    session: ProcessSession,
) -> ChildProcess:
    """
    Start `cmd`.

    `shell`: `cmd` is joined and given to the shell. `emulate_tty`: output goes through pseudo terminals.
    Raises OSError if it cannot be started.
    """
    loop = asyncio.get_running_loop()
    session.start_guard()
    options: dict[str, Any] = {
        'cwd': cwd, 'env': session.environment(env), 'preexec_fn': session.tie_to_parent(),
        'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE,
    }
    terminals = [open_terminal(), open_terminal()] if emulate_tty else []
    if terminals:
        options['stdout'], options['stderr'] = terminals[0][1], terminals[1][1]
    try:
        if shell:
            _, protocol = await loop.subprocess_shell(ChildProcess, ' '.join(cmd), **options)
        else:
            _, protocol = await loop.subprocess_exec(ChildProcess, *cmd, **options)
    except BaseException:
        for ours, _theirs in terminals:
            os.close(ours)
        raise
    finally:
        for _ours, theirs in terminals:
            os.close(theirs)
    for descriptor, (ours, _theirs) in enumerate(terminals, start=1):
        await protocol.read_terminal(descriptor, ours)
    return protocol
