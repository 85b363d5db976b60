"""The system call filters of both architectures, call by call, in a machine of our own: only one of them can be run here."""

from __future__ import annotations

import errno
import itertools
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.sandbox.filter_machine import judge

from task_server.sandbox.architecture import AARCH64, X86_64
from task_server.sandbox.bpf import Assembler
from task_server.sandbox.seccomp import ALLOW, KILL_PROCESS, REFUSE, program
from task_server.sandbox.system_calls import CODE, NETWORK

BOTH = pytest.mark.parametrize("machine", [X86_64, AARCH64], ids=lambda machine: machine.name)
LISTS = pytest.mark.parametrize("calls", [CODE, NETWORK], ids=["code", "network"])
#: No processor has as many.
ALL_NUMBERS = range(1_024)
#: Arguments that satisfy the conditions of no call that has some.
ABSURD = (0xFFFF_FFFF,) * 6
PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4


def numbers(text):
    words = text.split()
    return {name: int(number) for name, number in zip(words[::2], words[1::2], strict=True)}


#: Calls that lead out, by their numbers on both: no list may allow them, whatever their arguments.
NEVER = {
    "x86_64": numbers("""
        open 2  pread64 17  access 21  pipe 22  dup 32  setitimer 38  socketpair 53  bind 49  listen 50
        accept 43  accept4 288  clone 56  fork 57  vfork 58  execve 59  kill 62  shmget 29  shmat 30
        semget 64  msgget 68  ptrace 101  personality 135  prctl 157  arch_prctl 158  setrlimit 160
        chroot 161  mount 165  tkill 200  timer_create 222  timer_settime 223  timer_delete 226  tgkill 234
        mq_open 240  add_key 248  keyctl 250  unshare 272  perf_event_open 298  prlimit64 302
        open_by_handle_at 304  setns 308  process_vm_readv 310  process_vm_writev 311  seccomp 317
        memfd_create 319  bpf 321  execveat 322  userfaultfd 323  pkey_mprotect 329  pidfd_send_signal 424
        io_uring_setup 425  pidfd_open 434  clone3 435  openat2 437  pidfd_getfd 438  rt_sigaction 13
        setresuid 117
    """),
    "aarch64": numbers("""
        io_setup 0  setxattr 5  dup 23  mount 40  chroot 51  pipe2 59  unshare 97  setitimer 103
        timer_create 107  timer_settime 110  timer_delete 111  ptrace 117  kill 129  tkill 130  tgkill 131
        rt_sigaction 134  setresuid 147  setrlimit 164  prctl 167  mq_open 180  msgget 186  semget 190
        shmget 194  shmat 196  socketpair 199  bind 200  listen 201  accept 202  add_key 217  keyctl 219
        clone 220  execve 221  perf_event_open 241  accept4 242  prlimit64 261  open_by_handle_at 265
        setns 268  process_vm_readv 270  process_vm_writev 271  seccomp 277  memfd_create 279  bpf 280
        execveat 281  userfaultfd 282  pkey_mprotect 288  pidfd_send_signal 424  io_uring_setup 425
        pidfd_open 434  clone3 435  openat2 437  pidfd_getfd 438  personality 92
    """),
}


@BOTH
@LISTS
def test_exactly_the_listed_calls_are_allowed(machine, calls):
    text = program(calls, machine)
    free = {machine.numbers[one.call] for one in calls if not one.conditions and one.call in machine.numbers}
    for number in ALL_NUMBERS:
        wanted = ALLOW if number in free else REFUSE
        assert judge(text, machine.audit, number, ABSURD) == wanted, number


@BOTH
@LISTS
def test_what_leads_out_is_refused(machine, calls):
    text = program(calls, machine)
    for name, number in NEVER[machine.name].items():
        for arguments in ((), ABSURD, (1, 2, 3, 4, 5, 6)):
            assert judge(text, machine.audit, number, arguments) == REFUSE, name
    assert REFUSE & 0xFFFF == errno.EPERM


@LISTS
def test_another_architecture_and_another_convention_kill(calls):
    for machine, other in itertools.permutations((X86_64, AARCH64)):
        assert judge(program(calls, machine), other.audit, machine.numbers["read"]) == KILL_PROCESS
        # i386, whose call of the same number is another one.
        assert judge(program(calls, machine), 0x4000_0003, machine.numbers["read"]) == KILL_PROCESS
    for number in (0x4000_0000, 0x4000_0001, 0xFFFF_FFFF):
        assert judge(program(calls, X86_64), X86_64.audit, number) == KILL_PROCESS


@BOTH
@LISTS
@pytest.mark.parametrize("call", ["mmap", "mprotect"])
def test_memory_is_never_executable(machine, calls, call):
    text = program(calls, machine)
    for protection in range(16):
        wanted = REFUSE if protection & PROT_EXEC else ALLOW
        assert judge(text, machine.audit, machine.numbers[call], (0, 4096, protection)) == wanted
    # Bits above an int change nothing.
    assert judge(text, machine.audit, machine.numbers[call], (0, 4096, (1 << 40) | PROT_EXEC)) == REFUSE


@BOTH
def test_code_has_no_sockets_and_no_files(machine):
    text = program(CODE, machine)
    for call in ("socket", "connect", "sendto", "openat", "ioctl", "fcntl", "newfstatat"):
        assert judge(text, machine.audit, machine.numbers[call], (2, 1, 0)) == REFUSE


@BOTH
@given(
    family=st.integers(0, 50),
    kind=st.integers(0, 15),
    flags=st.sampled_from([0, 0o2000000, 0o4000]),
    protocol=st.integers(0, 300),
)
def test_sockets_are_of_the_internet_and_of_no_raw_kind(machine, family, kind, flags, protocol):
    fits = family in (socket.AF_INET, socket.AF_INET6) and kind in (1, 2) and protocol in (0, 6, 17)
    verdict = judge(
        program(NETWORK, machine), machine.audit, machine.numbers["socket"], (family, kind | flags, protocol)
    )
    assert verdict == (ALLOW if fits else REFUSE)


@BOTH
@given(level=st.integers(0, 300), option=st.integers(0, 60))
def test_few_options_of_sockets_can_be_set(machine, level, option):
    fits = (level, option) in {
        *((socket.IPPROTO_TCP, option) for option in (1, 4, 5, 6)),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        *((0, option) for option in (10, 11)),
        *((41, option) for option in (23, 25)),
    }
    verdict = judge(program(NETWORK, machine), machine.audit, machine.numbers["setsockopt"], (3, level, option))
    assert verdict == (ALLOW if fits else REFUSE)


@BOTH
@given(flags=st.integers(0, (1 << 26) - 1))
def test_files_are_opened_for_reading_only(machine, flags):
    writes = flags & (0o3 | 0o100 | 0o1000 | 0o20000000)
    verdict = judge(program(NETWORK, machine), machine.audit, machine.numbers["openat"], (0, 0, flags))
    assert verdict == (REFUSE if writes else ALLOW)


@BOTH
@LISTS
def test_every_listed_call_is_known_somewhere_and_the_programs_are_short(machine, calls):
    assert {one.call for one in calls} <= X86_64.numbers.keys() | AARCH64.numbers.keys()
    # What only one architecture has, the other reaches by a newer call.
    assert {one.call for one in calls} - machine.numbers.keys() <= {"time", "poll"}
    assert len(program(calls, machine)) <= 8 * 200


def test_a_jump_that_goes_too_far_or_back_is_no_program():
    code = Assembler()
    code.label("start")
    code.load(0)
    code.if_equal(1, then="start")
    with pytest.raises(ValueError, match="forward"):
        code.assemble()
    code = Assembler()
    code.if_equal(1, then="end")
    for _ in range(300):
        code.load(0)
    code.label("end")
    with pytest.raises(ValueError, match="300 instructions away"):
        code.assemble()
    with pytest.raises(ValueError, match="twice"):
        code.label("end")
