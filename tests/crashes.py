"""All states in which a kill can leave a folder, which is read before each system call that changes files.

The child puts a seccomp filter over its threads, which hands such calls to a listener: the kernel holds the thread
until the listener, this process, has read the folder and lets the call go on. So no moment is missed, and nothing in
the child is replaced. Linux only; see seccomp_unotify(2).
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import platform
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

State = dict[str, bytes | None]
"""The files of a folder by their paths in it; folders have None."""

# Calls that make, change, move or remove a file, by their numbers on each machine; those that change by descriptor.
_BY_DESCRIPTOR = {
    "x86_64": (1, 18, 20, 40, 77, 285, 296, 326, 328),
    "aarch64": (46, 47, 64, 66, 68, 70, 71, 285, 287),
}
_BY_PATH = {
    "x86_64": (2, 76, 82, 83, 84, 85, 86, 87, 88, 257, 258, 263, 264, 265, 266, 316, 437),
    "aarch64": (34, 35, 36, 37, 38, 45, 56, 276, 437),
}
# The places of the flags of open, openat: without O_CREAT and O_TRUNC they change nothing.
_FLAGS = {"x86_64": {2: 1, 257: 2}, "aarch64": {56: 2}}
# copy_file_range has it third.
_DESCRIPTOR = {("x86_64", 326): 2, ("aarch64", 285): 2}
_ARCHITECTURE = {"x86_64": (0xC000003E, 317), "aarch64": (0xC00000B7, 277)}

_NEW_LISTENER, _ALL_THREADS, _NO_THREAD_ID = 1 << 3, 1 << 0, 1 << 4
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_ALLOW, _ASK, _CONTINUE = 0x7FFF0000, 0x7FC00000, 1


def available() -> bool:
    """Return whether this machine has what it takes."""
    return sys.platform == "linux" and platform.machine() in _ARCHITECTURE


def listen(channel: socket.socket) -> None:
    """In the child: hand all calls that change files to whoever holds the other end of the channel."""
    machine = platform.machine()
    architecture, seccomp = _ARCHITECTURE[machine]
    numbers = (*_BY_DESCRIPTOR[machine], *_BY_PATH[machine])
    load, equal, give = 0x20, 0x15, 0x06
    program = [(load, 0, 0, 4), (equal, 1, 0, architecture), (give, 0, 0, _ALLOW), (load, 0, 0, 0)]
    program += [(equal, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    program += [(give, 0, 0, _ALLOW), (give, 0, 0, _ASK)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    library = ctypes.CDLL(None, use_errno=True)
    # PR_SET_NO_NEW_PRIVS, so that it needs no privilege.
    if library.prctl(38, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    found = library.syscall(seccomp, 1, _NEW_LISTENER | _ALL_THREADS | _NO_THREAD_ID, filter_)
    if found < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    channel.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [found]))])


class Watched:
    """A child that does what it is told by name, in a folder, and is stopped before each call that changes files.

    The command gets a descriptor as its last argument: a socket. It calls `listen` with it, then answers each line
    with a line when it has done what the line says.
    """

    def __init__(self, *command: str) -> None:
        """Start it, and wait until it listens."""
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen([*command, str(theirs.fileno())], pass_fds=[theirs.fileno()])
        _, passed, _, _ = self._channel.recvmsg(1, socket.CMSG_SPACE(4))
        assert passed, f"the child ended with {self._process.wait()} before it listened"
        self._listener = struct.unpack("i", passed[0][2])[0]

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._channel.close()
        os.close(self._listener)

    def states(self, name: str, folder: Path) -> list[State]:
        """Let it do something in a folder; return the folder before each call that changes it and at the end.

        Each state is there once.
        """
        self._channel.sendall(f"{name}\t{folder}\n".encode())
        found: list[State] = []
        seen: set[int] = set()
        kept: dict[bytes, bytes] = {}
        for _ in self._moments(folder):
            state = {path: raw and kept.setdefault(raw, raw) for path, raw in read(folder).items()}
            digest = hash(frozenset(state.items()))
            if digest not in seen:
                seen.add(digest)
                found.append(state)
        return found

    def _moments(self, folder: Path) -> Iterator[None]:
        """Yield before each call that may change the folder goes on, and once at the end."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(self._channel, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if ready.get(self._listener, 0) & select.POLLIN:
                told = bytearray(80)
                try:
                    fcntl.ioctl(self._listener, _RECEIVE, told)
                    number, thread, _, call, _, _, *arguments = struct.unpack("QIIiIQ6Q", told)
                    if _concerns(thread, call, arguments, folder):
                        yield
                    fcntl.ioctl(self._listener, _SEND, struct.pack("QqiI", number, 0, 0, _CONTINUE))
                except FileNotFoundError:  # the thread has ended meanwhile
                    continue
            elif self._channel.fileno() in ready:
                answer = self._channel.recv(100)
                assert answer, f"the child ended with {self._process.wait()}"
                yield
                return


def _concerns(thread: int, call: int, arguments: list[int], folder: Path) -> bool:
    machine = platform.machine()
    if call in _FLAGS[machine]:
        return bool(arguments[_FLAGS[machine][call]] & (os.O_CREAT | os.O_TRUNC))
    if call in _BY_PATH[machine]:
        return True
    try:
        file = Path(f"/proc/{thread}/fd/{arguments[_DESCRIPTOR.get((machine, call), 0)]}").readlink()
    except OSError:
        return False
    return file.is_relative_to(folder)


def read(folder: Path) -> State:
    """Return what is in a folder."""
    found: State = {}
    for path in sorted(folder.rglob("*")):
        try:
            found[str(path.relative_to(folder))] = None if path.is_dir() else path.read_bytes()
        except FileNotFoundError:  # another thread's call, let go on before, removes it just now
            continue
    return found


def write(state: State, folder: Path) -> Path:
    """Make a folder of a state; return it."""
    folder.mkdir(parents=True)
    for name, raw in state.items():
        if raw is None:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(raw)
    return folder
