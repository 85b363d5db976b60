"""The processors that the system call filter knows: what their kernels call themselves, and their numbers of calls.

Numbers are the kernel's (arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h for aarch64). A call that an
architecture does not have is not in its table.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Architecture:
    """One processor, as the kernel's filter sees it."""

    name: str
    #: AUDIT_ARCH_* of <linux/audit.h>: what a filter is told of the call that it judges.
    audit: int
    #: The number of each call that this package names.
    numbers: Mapping[str, int]
    #: From this number on calls are of another convention (x32), whose numbers mean something else. None where there is none.
    foreign_from: int | None = None


def _table(text: str) -> Mapping[str, int]:
    words = text.split()
    return MappingProxyType({name: int(number) for name, number in zip(words[::2], words[1::2], strict=True)})


X86_64 = Architecture(
    "x86_64",
    0xC000003E,
    _table("""
        read 0  write 1  close 3  fstat 5  poll 7  lseek 8  mmap 9  mprotect 10  munmap 11  brk 12  rt_sigprocmask 14
        rt_sigreturn 15  ioctl 16  sched_yield 24  mremap 25  madvise 28  nanosleep 35  getpid 39  socket 41  connect 42
        sendto 44  recvfrom 45  sendmsg 46  recvmsg 47  shutdown 48  getsockname 51  getpeername 52  setsockopt 54
        getsockopt 55  exit 60  uname 63  fcntl 72  gettimeofday 96  gettid 186  pivot_root 155  time 201  futex 202
        restart_syscall 219  clock_gettime 228  clock_getres 229  clock_nanosleep 230  exit_group 231  openat 257
        newfstatat 262  ppoll 271  sendmmsg 307  getrandom 318  statx 332
    """),
    foreign_from=0x40000000,
)

AARCH64 = Architecture(
    "aarch64",
    0xC00000B7,
    _table("""
        fcntl 25  ioctl 29  pivot_root 41  openat 56  close 57  lseek 62  read 63  write 64  ppoll 73  newfstatat 79
        fstat 80  exit 93  exit_group 94  futex 98  nanosleep 101  clock_gettime 113  clock_getres 114
        clock_nanosleep 115  sched_yield 124  restart_syscall 128  rt_sigprocmask 135  rt_sigreturn 139  uname 160
        gettimeofday 169  getpid 172  gettid 178  socket 198  connect 203  getsockname 204  getpeername 205  sendto 206
        recvfrom 207  setsockopt 208  getsockopt 209  shutdown 210  sendmsg 211  recvmsg 212  brk 214  munmap 215
        mremap 216  mmap 222  mprotect 226  madvise 233  sendmmsg 269  getrandom 278  statx 291
    """),
)

_KNOWN = MappingProxyType({architecture.name: architecture for architecture in (X86_64, AARCH64)})


def this_machine() -> Architecture | None:
    """The architecture of this machine, None where no table is written for it."""
    return _KNOWN.get(platform.machine())
