import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2
from google.rpc.status_pb2 import Status

from task_server.gateway.errors import HTTP_STATUS, invalid_fields, rpc_status
from task_server.gateway.json_reader import Violation


def failed(code: grpc.StatusCode, text: str, status: Status | None = None) -> grpc.aio.AioRpcError:
    trailers = [] if status is None else [("grpc-status-details-bin", status.SerializeToString())]
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailers), text)


def test_every_canonical_code_has_an_http_status() -> None:
    assert HTTP_STATUS.keys() == set(code_pb2.Code.values())
    assert {code_pb2.Code.Name(code): http for code, http in HTTP_STATUS.items()} == {
        "OK": 200,
        "CANCELLED": 499,
        "UNKNOWN": 500,
        "INVALID_ARGUMENT": 400,
        "DEADLINE_EXCEEDED": 504,
        "NOT_FOUND": 404,
        "ALREADY_EXISTS": 409,
        "PERMISSION_DENIED": 403,
        "UNAUTHENTICATED": 401,
        "RESOURCE_EXHAUSTED": 429,
        "FAILED_PRECONDITION": 400,
        "ABORTED": 409,
        "OUT_OF_RANGE": 400,
        "UNIMPLEMENTED": 501,
        "INTERNAL": 500,
        "UNAVAILABLE": 503,
        "DATA_LOSS": 500,
    }


def test_details_come_from_the_trailers() -> None:
    detailed = Status(code=5, message="m")
    detailed.details.add().Pack(error_details_pb2.ErrorInfo(reason="R"))

    assert rpc_status(failed(grpc.StatusCode.NOT_FOUND, "m", detailed), connected=True) == detailed


@pytest.mark.parametrize("details", [Status(code=7, message="other"), None])
def test_details_of_another_code_are_not_believed(details: Status | None) -> None:
    assert rpc_status(failed(grpc.StatusCode.NOT_FOUND, "m", details), connected=True) == Status(code=5, message="m")


def test_the_transports_words_stay_inside() -> None:
    away = rpc_status(failed(grpc.StatusCode.UNAVAILABLE, "ipv4:10.0.0.1:1: refused"), connected=False)
    broken = rpc_status(
        failed(grpc.StatusCode.UNAVAILABLE, "Stream removed (recvmsg:Connection reset by peer (104))"), connected=True
    )
    late = rpc_status(failed(grpc.StatusCode.DEADLINE_EXCEEDED, "Stream removed (Deadline Exceeded)"), connected=True)

    assert "10.0.0.1" not in away.message
    assert away.details[0].Is(error_details_pb2.ErrorInfo.DESCRIPTOR)
    assert away.details[1].Is(error_details_pb2.RetryInfo.DESCRIPTOR)
    assert broken == away
    assert late.message == "The deadline passed before the server answered."


def test_invalid_fields_name_all_of_them_and_speak_of_three() -> None:
    error = invalid_fields([Violation(f"f{number}", "is wrong") for number in range(5)])
    bad_request = error_details_pb2.BadRequest()
    error.status.details[1].Unpack(bad_request)

    assert str(error) == "f0: is wrong; f1: is wrong; f2: is wrong; and 2 more"
    assert [violation.field for violation in bad_request.field_violations] == ["f0", "f1", "f2", "f3", "f4"]
