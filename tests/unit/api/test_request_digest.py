"""Which requests count as the same one that came again."""

from __future__ import annotations

from task_manager.v1.execution_service_pb2 import RerunExecutionsRequest
from task_manager.v1.task_service_pb2 import RunTaskRequest
from task_server.api.request_digest import RequestDigests
from task_server.domain.repeatable import ALWAYS

DIGESTS = RequestDigests(b"k" * 32)


def test_the_same_is_one_and_any_other_another_also_where_it_has_the_same_bytes() -> None:
    one = DIGESTS.repeatable(RunTaskRequest(task_id="a", request_id="r"))
    assert one == DIGESTS.repeatable(RunTaskRequest(task_id="a", request_id="r"))
    assert one.digest == DIGESTS.repeatable(RunTaskRequest(task_id="a", request_id="s")).digest
    run, rerun = RunTaskRequest(task_id="a"), RerunExecutionsRequest(ids=["a"])
    assert run.SerializeToString() == rerun.SerializeToString()
    others = (
        RunTaskRequest(task_id="b", request_id="r"),
        RunTaskRequest(task_id="a", rerun_of="b", request_id="r"),
        RerunExecutionsRequest(ids=["a"], request_id="r"),
    )
    assert one.digest not in {DIGESTS.repeatable(each).digest for each in others}


def test_one_without_an_id_is_done_whenever_it_comes() -> None:
    assert DIGESTS.repeatable(RunTaskRequest(task_id="a")) is ALWAYS
