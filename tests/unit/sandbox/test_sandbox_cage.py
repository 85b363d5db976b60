"""The process layer, with the language layer out of the way: what a broken-out task finds itself in."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import pytest

from task_server.sandbox.channel import Channel
from task_server.sandbox.frames import BrokenFrame, FrameKind, FrameReader, ResultTooLarge, frame
from task_server.sandbox.layers import LAYERS, Cell, Layer, LayerMissing, put_on
from task_server.sandbox.limits import Limits
from task_server.sandbox.witness import TooMuchOutput, Witness

LIMITS = Limits(wall_seconds=30.0)


def in_a_caged_child(probe):
    """What `probe` says in a forked child that wears all layers."""
    output, far = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.closerange(3, far)
            os.closerange(far + 1, 1000)
            put_on(LAYERS, Cell(LIMITS, parent))
            os.write(far, json.dumps(probe()).encode())
            status = 0
        finally:
            os._exit(status)
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


def test_a_child_can_not_write_a_file(tmp_path):
    target = tmp_path / "written"
    tmp_path.chmod(0o777)

    def probe():
        # The kernel signals as well as refuses; Python ignores that signal.
        return refusal_of(lambda: target.write_text("x"))

    assert in_a_caged_child(probe) != "allowed"
    assert not target.exists() or target.read_text() == ""


def test_a_child_can_not_fork():
    assert in_a_caged_child(lambda: refusal_of(os.fork)) == "BlockingIOError"


def test_a_child_has_few_descriptors_and_no_core():
    limits = in_a_caged_child(
        lambda: [resource.getrlimit(kind) for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)]
    )
    assert limits == [[16, 16], [0, 0]]


def test_a_child_can_not_gain_privileges_and_is_nobody_where_the_worker_is_root():
    status = in_a_caged_child(lambda: Path("/proc/self/status").read_text())
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)

    assert fields["NoNewPrivs"] == "1"
    assert "0" not in fields["Uid"].split()
    if os.geteuid() == 0:
        assert int(fields["CapEff"], 16) == 0


def test_a_child_leads_a_group_of_its_own():
    group, pid = in_a_caged_child(lambda: [os.getpgrp(), os.getpid()])
    assert group == pid


def test_a_missing_layer_is_left_out_of_the_receipt_unless_it_is_required():
    def refuses(_cell):
        raise PermissionError(1, "Operation not permitted")

    bonus = [Layer("held", lambda _cell: True, required=True), Layer("bonus", refuses, required=False)]
    assert put_on(bonus, Cell(LIMITS, 1)) == ["held"]
    with pytest.raises(LayerMissing, match="'wall': Operation not permitted"):
        put_on([Layer("wall", refuses, required=True)], Cell(LIMITS, 1))
    with pytest.raises(LayerMissing, match="'wall' does not hold"):
        put_on([Layer("wall", lambda _cell: False, required=True)], Cell(LIMITS, 1))


def test_frames_are_cut_wherever_the_pipe_cuts_them():
    data = frame(FrameKind.LOG, "é".encode()) + frame(FrameKind.RESULT, b"{}")
    for size in range(1, len(data) + 1):
        reader = FrameReader(max_result=100)
        got = [one for start in range(0, len(data), size) for one in reader.feed(data[start : start + size])]
        assert got == [(FrameKind.LOG, "é".encode()), (FrameKind.RESULT, b"{}")]


@pytest.mark.parametrize("data", [b"Z" * 5, b"L\xff\xff\xff\xff", b"F\x00\x10\x00\x00"])
def test_what_is_no_frame_is_refused_before_it_is_kept(data):
    with pytest.raises(BrokenFrame):
        FrameReader(max_result=100).feed(data)


def test_a_result_that_is_announced_too_large_is_not_waited_for():
    with pytest.raises(ResultTooLarge):
        FrameReader(max_result=100).feed(b"R\x00\x00\x00\x65")


LAYERS_FRAME = frame(FrameKind.LAYERS, b'["a"]')


@pytest.mark.parametrize(
    "data",
    [
        frame(FrameKind.LOG, b"first"),
        LAYERS_FRAME + LAYERS_FRAME,
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
        frames = FrameReader(100).feed(pipe.read())
    assert [kind for kind, _ in frames] == [FrameKind.LOG]
    assert frames[0][1].decode() == "x" + text[:10_000]
