import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_server.gateway.errors import GatewayError
from task_server.gateway.metadata import request_metadata, request_timeout, response_headers

FORWARDED = ("x-request-id", "traceparent")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1H", 3600),
        ("2M", 120),
        ("3S", 3),
        ("4m", 0.004),
        ("5u", 5e-6),
        ("6n", 6e-9),
        ("0S", None),
        ("99999999H", 315_360_000),
    ],
)
def test_a_timeout_is_read_in_its_unit(text: str, seconds: float | None) -> None:
    assert request_timeout([(b"grpc-timeout", text.encode())]) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["1", "S", "1s", "-1S", "1.5S", "1S ", "x" * 1000, "9" * 1000 + "S"])
def test_a_bad_timeout_is_refused(text: str) -> None:
    with pytest.raises(GatewayError, match="invalid grpc-timeout"):
        request_timeout([(b"grpc-timeout", text.encode())])


@given(st.lists(st.tuples(st.binary(min_size=1).map(lambda name: b"grpc-metadata-" + name.lower()), st.binary())))
def test_whatever_headers_come_only_sound_metadata_goes_out(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        metadata = request_metadata(headers, "1.2.3.4", FORWARDED, "id")
    except GatewayError:
        return
    for key, value in metadata:
        assert key.isascii()
        assert key == key.lower()
        assert isinstance(value, bytes) == key.endswith("-bin")
        assert isinstance(value, bytes) or value.isprintable()


def test_a_caller_can_not_pretend_to_be_the_gateway() -> None:
    names = [b"grpc-metadata-x-forwarded-for", b"grpc-metadata-grpcgateway-cookie", b"grpc-metadata-te"]

    assert request_metadata([(name, b"x") for name in names], None, (), None) == ()


def test_the_prefixed_request_id_wins_over_the_plain_one() -> None:
    headers = [(b"x-request-id", b"plain"), (b"grpc-metadata-x-request-id", b"prefixed")]

    assert request_metadata(headers, None, FORWARDED, "plain") == (("x-request-id", "prefixed"),)


def test_binary_metadata_goes_back_in_base64() -> None:
    assert response_headers([("x-a", "1"), ("x-bin", b"\0\n")]) == [
        ("Grpc-Metadata-x-a", "1"),
        ("Grpc-Metadata-x-bin", "AAo="),
    ]


def test_whatever_forwarded_for_says_the_callers_own_address_is_told() -> None:
    for sent in (b"1.2.3.4\t", b"\xe4\xbd\xa0", b"a\x00b"):
        headers = [(b"x-forwarded-for", b"5.6.7.8"), (b"x-forwarded-for", sent)]
        assert request_metadata(headers, "192.0.2.7", (), None) == (("x-forwarded-for", "5.6.7.8, 192.0.2.7"),)
