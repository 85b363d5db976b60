"""The process layer, with the language layer out of the way: what a broken-out task finds itself in."""

from __future__ import annotations

import json
import os
import resource
import socket
from pathlib import Path

import pytest

from task_server.sandbox.channel import Channel
from task_server.sandbox.frames import BrokenFrame, FrameKind, FrameReader, ResultTooLarge, frame
from task_server.sandbox.layers import LAYERS, Cell, Layer, LayerMissing, put_on
from task_server.sandbox.level import is_strict, level_of
from task_server.sandbox.limits import Limits
from task_server.sandbox.profile import CODE_PROFILE, NETWORK_PROFILE, Confinement
from task_server.sandbox.witness import TooMuchOutput, Witness

LIMITS = Limits(wall_seconds=30.0)
ALL = tuple(layer.name for layer in LAYERS)
#: Without the filter of system calls, which hides what the layers before it do.
UNFILTERED = tuple(name for name in ALL if name != "seccomp")
#: Those that leave it its files, to be asked about itself.
WITH_FILES = tuple(name for name in UNFILTERED if name != "landlock")


def cell_of(zygote, profile=CODE_PROFILE, required=frozenset()):
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    return Cell(LIMITS, zygote, proc, Confinement(profile, proc, separate=False), required)


def in_a_caged_child(probe, names=ALL, profile=CODE_PROFILE):
    """What `probe` says in a forked child that wears these layers."""
    output, far = os.pipe()
    cell = cell_of(os.getpid(), profile, frozenset(names) - {"uid"})
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            low, high = sorted((far, cell.proc))
            os.closerange(3, low)
            os.closerange(low + 1, high)
            os.closerange(high + 1, 1000)
            put_on([layer for layer in LAYERS if layer.name in names], cell)
            os.write(far, json.dumps(probe()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(cell.proc)
    os.close(far)
    with open(output, "rb") as pipe:
        said = pipe.read()
    assert os.waitpid(pid, 0)[1] == 0
    return json.loads(said)


def refusal_of(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "allowed"


@pytest.mark.parametrize("names", [ALL, UNFILTERED, WITH_FILES])
def test_a_child_can_not_write_a_file(tmp_path, names):
    target = tmp_path / "written"
    tmp_path.chmod(0o777)

    def probe():
        # The kernel signals as well as refuses; Python ignores that signal.
        return refusal_of(lambda: target.write_text("x"))

    assert in_a_caged_child(probe, names) != "allowed"
    assert not target.exists() or target.read_text() == ""


@pytest.mark.parametrize(("names", "refused_with"), [(ALL, "PermissionError"), (UNFILTERED, "BlockingIOError")])
def test_a_child_can_not_fork(names, refused_with):
    assert in_a_caged_child(lambda: refusal_of(os.fork), names) == refused_with


@pytest.mark.parametrize("names", [ALL, UNFILTERED])
@pytest.mark.parametrize("name", ["/etc/hosts", "/proc/self/status", "/", "/dev/null"])
def test_a_child_can_not_read_a_file_by_the_filter_and_without_it(names, name):
    assert in_a_caged_child(lambda: refusal_of(lambda: os.open(name, os.O_RDONLY)), names) == "PermissionError"


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def connect_to(address, family=socket.AF_INET):
    with socket.socket(family) as candidate:
        candidate.connect(address)


@pytest.mark.parametrize("names", [ALL, UNFILTERED])
def test_a_child_can_not_connect_by_the_filter_and_without_it(names, listener):
    assert in_a_caged_child(lambda: refusal_of(lambda: connect_to(listener)), names) == "PermissionError"
    with socket.socket(socket.AF_UNIX) as host:
        host.bind("\0task-server-test-of-scopes")
        host.listen()
        reach = lambda: connect_to("\0task-server-test-of-scopes", socket.AF_UNIX)  # noqa: E731
        assert in_a_caged_child(lambda: refusal_of(reach), names) == "PermissionError"
        assert in_a_caged_child(lambda: refusal_of(reach), WITH_FILES) == "allowed"


@pytest.mark.parametrize("names", [ALL, UNFILTERED])
def test_a_child_can_not_signal_its_maker(names):
    maker = os.getpid()
    assert in_a_caged_child(lambda: refusal_of(lambda: os.kill(maker, 0)), names) == "PermissionError"


def test_a_child_that_calls_servers_connects_reads_the_resolvers_files_and_does_nothing_else(listener):
    # Loads what a zygote loads.
    socket.getaddrinfo("localhost", 80)

    def probe():
        return {
            "connect": refusal_of(lambda: connect_to(listener)),
            "datagram": refusal_of(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()),
            "resolve": refusal_of(lambda: socket.getaddrinfo("localhost", 80)),
            "hosts": refusal_of(lambda: os.close(os.open("/etc/hosts", os.O_RDONLY))),
            "unix": refusal_of(lambda: socket.socket(socket.AF_UNIX)),
            "netlink": refusal_of(lambda: socket.socket(socket.AF_NETLINK)),
            "raw": refusal_of(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW)),
            "ping": refusal_of(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)),
            "listen": refusal_of(lambda: socket.create_server(("127.0.0.1", 0))),
            "passwd": refusal_of(lambda: os.open("/etc/passwd", os.O_RDONLY)),
            "write": refusal_of(lambda: os.open("/etc/hosts", os.O_WRONLY)),
            "fork": refusal_of(os.fork),
            "exec": refusal_of(lambda: os.execv("/bin/true", ["true"])),
        }

    said = in_a_caged_child(probe, profile=NETWORK_PROFILE)
    allowed = {"connect", "datagram", "resolve", "hosts"}
    assert {name for name, refusal in said.items() if refusal == "allowed"} == allowed
    assert {refusal for name, refusal in said.items() if name not in allowed} == {"PermissionError"}


def test_a_child_has_few_descriptors_and_no_core():
    limits = in_a_caged_child(
        lambda: [resource.getrlimit(kind) for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)], UNFILTERED
    )
    assert limits == [[16, 16], [0, 0]]


def test_a_child_can_not_gain_privileges_is_filtered_and_is_nobody_where_the_worker_is_root():
    status = in_a_caged_child(lambda: Path("/proc/self/status").read_text(), WITH_FILES)
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)

    assert fields["NoNewPrivs"] == "1"
    assert "0" not in fields["Uid"].split()
    if os.geteuid() == 0:
        assert int(fields["CapEff"], 16) == 0


def test_a_child_goes_first_when_memory_runs_out():
    assert in_a_caged_child(lambda: Path("/proc/self/oom_score_adj").read_text(), WITH_FILES) == "1000\n"


def test_a_child_leads_a_group_of_its_own():
    group, pid = in_a_caged_child(lambda: [os.getpgrp(), os.getpid()], UNFILTERED)
    assert group == pid


def test_a_missing_layer_is_left_out_of_the_receipt_unless_it_is_required():
    def refuses(_cell):
        raise PermissionError(1, "Operation not permitted")

    def put_on_with(required, *layers):
        cell = cell_of(1, required=frozenset(required))
        os.close(cell.proc)
        return put_on(layers, cell)

    held = Layer("held", lambda _cell: True)
    assert put_on_with({"held"}, held, Layer("bonus", refuses)) == ["held"]
    with pytest.raises(LayerMissing, match="'wall': Operation not permitted"):
        put_on_with({"wall"}, Layer("wall", refuses))
    with pytest.raises(LayerMissing, match="'wall': does not hold"):
        put_on_with({"wall"}, Layer("wall", lambda _cell: False))
    with pytest.raises(LayerMissing, match="'unheard-of': does not hold"):
        put_on_with({"unheard-of"}, held)


@pytest.mark.parametrize(
    ("missing", "level"),
    [
        (set(), "strict+landlock+ns"),
        ({"empty_root"}, "strict+landlock"),
        ({"landlock"}, "strict"),
        ({"landlock", "uid", "oom_score"}, "strict"),
        ({"seccomp"}, "process"),
        ({"no_new_privs"}, "process"),
        ({"rlimits"}, "none"),
    ],
)
def test_a_level_is_the_highest_of_which_no_layer_is_missing(missing, level):
    found = level_of({*ALL, "namespaces", "empty_root"} - missing)
    assert found == level
    assert is_strict(found) == level.startswith("strict")


def test_frames_are_cut_wherever_the_pipe_cuts_them():
    data = frame(FrameKind.LOG, "é".encode()) + frame(FrameKind.RESULT, b"{}")
    for size in range(1, len(data) + 1):
        reader = FrameReader(max_result=100)
        got = [one for start in range(0, len(data), size) for one in reader.feed(data[start : start + size])]
        assert got == [(FrameKind.LOG, "é".encode()), (FrameKind.RESULT, b"{}")]


@pytest.mark.parametrize("data", [b"Z" * 5, b"L\xff\xff\xff\xff", b"F\x00\x10\x00\x00"])
def test_what_is_no_frame_is_refused_before_it_is_kept(data):
    with pytest.raises(BrokenFrame):
        list(FrameReader(max_result=100).feed(data))


def test_a_result_that_is_announced_too_large_is_not_waited_for():
    with pytest.raises(ResultTooLarge):
        list(FrameReader(max_result=100).feed(b"R\x00\x00\x00\x65"))


LAYERS_FRAME = frame(FrameKind.LAYERS, b'["a"]')


@pytest.mark.parametrize(
    "data",
    [
        frame(FrameKind.LOG, b"first"),
        LAYERS_FRAME + LAYERS_FRAME,
        LAYERS_FRAME + frame(FrameKind.LOG, b""),
        LAYERS_FRAME + frame(FrameKind.UNCAGED, b"no"),
        LAYERS_FRAME + frame(FrameKind.RESULT, b"1") * 2,
        LAYERS_FRAME + frame(FrameKind.FAILURE, b"[]"),
        LAYERS_FRAME + frame(FrameKind.FAILURE, b'{"reason": 1, "error": "", "traceback": ""}'),
        LAYERS_FRAME + frame(FrameKind.FAILURE, b"\xff"),
        LAYERS_FRAME + frame(FrameKind.FAILURE, b"[" * 100_000),
    ],
)
def test_a_child_that_speaks_out_of_turn_is_not_believed(data):
    with pytest.raises(BrokenFrame):
        Witness(LIMITS, log=lambda _text: None).hear(data)


def test_what_came_before_a_broken_frame_counts():
    witness = Witness(LIMITS, log=lambda _text: None)
    with pytest.raises(BrokenFrame):
        witness.hear(LAYERS_FRAME + b"Z" * 1000)
    assert witness.layers == ("a",)


def test_a_flood_of_frames_is_handed_on_up_to_the_limit():
    seen = []
    witness = Witness(Limits(wall_seconds=1.0, output_bytes=5), log=seen.append)
    with pytest.raises(TooMuchOutput):
        witness.hear(LAYERS_FRAME + frame(FrameKind.LOG, b"ab\0") + frame(FrameKind.LOG, b"cdef"))
    assert seen == ["ab\N{SYMBOL FOR NULL}", "cd"]


def test_long_text_is_sent_in_frames_of_whole_characters():
    output, far = os.pipe()
    os.set_blocking(output, True)
    text = "€" * 20_000
    channel = Channel(-1, far, max_result=100)
    channel.log("x" + text[:10_000])
    os.close(far)
    with open(output, "rb") as pipe:
        frames = list(FrameReader(100).feed(pipe.read()))
    assert [kind for kind, _ in frames] == [FrameKind.LOG]
    assert frames[0][1].decode() == "x" + text[:10_000]
