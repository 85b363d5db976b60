"""Which system calls a child may make. Everything that is not listed is refused.

The lists are what the interpreter, the C library and, for calls over the network, the resolver and TLS make while they work:
`strace` says so, and each entry that the tests can do without is not here. What is missing on purpose: whatever opens, makes or
names a file (but for the network list, for reading), a process, a thread, a signal to others, a timer, a namespace, or memory that
can be executed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

_PROT_EXEC = 0x4
_WHOLE = 0xFFFFFFFF
#: The bits of openat's flags with which a file is written, made or cut. The same on both architectures.
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | 0o20000000
#: The kind of a socket without the flags beside it (SOCK_TYPE_MASK of <linux/net.h>).
_SOCKET_KIND = 0xF
_FIONBIO, _FIONREAD = 0x5421, 0x541B
_F_GETFD, _F_SETFD, _F_GETFL, _F_SETFL = 1, 2, 3, 4
#: What the C library's resolver sets on its sockets, of <linux/in.h> and <linux/in6.h>: IP_MTU_DISCOVER, IP_RECVERR.
_IP_OPTIONS, _IPV6_OPTIONS = (10, 11), (23, 25)
_TCP_OPTIONS = (socket.TCP_NODELAY, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)


@dataclass(frozen=True, slots=True)
class Condition:
    """What one argument of a call must be: its lower 32 bits, under `mask`, are one of `values`."""

    argument: int
    mask: int
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Allowed:
    """A call that may be made while all conditions hold. A call that is listed several times may be made in any of these ways."""

    call: str
    conditions: tuple[Condition, ...] = ()


def _plain(names: str) -> list[Allowed]:
    return [Allowed(name) for name in names.split()]


def _when(call: str, *conditions: tuple[int, int, tuple[int, ...]]) -> Allowed:
    return Allowed(call, tuple(Condition(*condition) for condition in conditions))


#: Compute, talk through the pipes that are open, sleep, end.
CODE: Sequence[Allowed] = (
    *_plain("write read futex munmap brk mremap madvise clock_gettime clock_nanosleep getrandom sched_yield close"),
    _when("mmap", (2, _PROT_EXEC, (0,))),
    _when("mprotect", (2, _PROT_EXEC, (0,))),
    *_plain("gettimeofday time clock_getres nanosleep getpid gettid rt_sigprocmask rt_sigreturn restart_syscall"),
    *_plain("exit exit_group"),
)

#: The same, and what a client needs: look a name up, connect, send and receive. Nothing that listens or takes connections.
NETWORK: Sequence[Allowed] = (
    *CODE,
    *_plain("poll ppoll sendto recvfrom sendmsg recvmsg sendmmsg connect shutdown getsockname getpeername getsockopt"),
    _when(
        "socket",
        (0, _WHOLE, (socket.AF_INET, socket.AF_INET6)),
        (1, _SOCKET_KIND, (socket.SOCK_STREAM, socket.SOCK_DGRAM)),
        # 0 is the usual one of the kind; named, so that there is no ping socket among the datagram ones.
        (2, _WHOLE, (0, socket.IPPROTO_TCP, socket.IPPROTO_UDP)),
    ),
    _when("setsockopt", (1, _WHOLE, (socket.IPPROTO_TCP,)), (2, _WHOLE, _TCP_OPTIONS)),
    _when("setsockopt", (1, _WHOLE, (socket.SOL_SOCKET,)), (2, _WHOLE, (socket.SO_KEEPALIVE,))),
    _when("setsockopt", (1, _WHOLE, (socket.IPPROTO_IP,)), (2, _WHOLE, _IP_OPTIONS)),
    _when("setsockopt", (1, _WHOLE, (socket.IPPROTO_IPV6,)), (2, _WHOLE, _IPV6_OPTIONS)),
    _when("ioctl", (1, _WHOLE, (_FIONBIO, _FIONREAD))),
    _when("fcntl", (1, _WHOLE, (_F_GETFD, _F_SETFD, _F_GETFL, _F_SETFL))),
    # The resolver's configuration; which files these are is Landlock's business.
    _when("openat", (2, _WRITING, (0,))),
    *_plain("fstat newfstatat statx lseek uname"),
)
