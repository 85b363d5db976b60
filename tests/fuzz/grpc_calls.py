"""Random calls of every RPC over gRPC: good bytes, damaged bytes, with and without a valid token."""

from __future__ import annotations

import random
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from tests.fuzz.finding import CALL_SECONDS, DEFECTS, Finding
from tests.fuzz.messages import random_message
from tests.fuzz.tasks import put_task

#: Messages that are read of a stream which would go on.
_STREAMED = 3
_STREAM_SECONDS = 0.5


class GrpcCaller:
    """Calls one server.

    Parameters:
        tokens: valid ones; each call has one of them, a broken one, or none.
    """

    def __init__(self, address: str, methods: list[MethodDescriptor], tokens: list[str], source: random.Random) -> None:
        self._channel = grpc.insecure_channel(address)
        self._methods = methods
        self._tokens = tokens
        self._source = source
        #: Ids that calls may name.
        self.ids: list[str] = []

    def close(self) -> None:
        self._channel.close()

    def call(self) -> tuple[str, Finding | None]:
        """Make one call; give the name of its status, and what is wrong with it."""
        method = self._source.choice(self._methods)
        data = self._request(method)
        path = f"/{method.containing_service.full_name}/{method.name}"
        make: Any = self._channel.unary_stream if method.server_streaming else self._channel.unary_unary
        seconds = _STREAM_SECONDS if method.server_streaming else CALL_SECONDS
        metadata = self._metadata()
        try:
            answer = make(path)(data, timeout=seconds, metadata=metadata)
            if method.server_streaming:
                for number, _ in enumerate(answer):
                    if number == _STREAMED:
                        answer.cancel()
                        break
        except grpc.RpcError as error:
            status = error.code().name
            hangs = status == "DEADLINE_EXCEEDED" and not method.server_streaming
            if status in DEFECTS or hangs:
                return status, Finding("grpc", path, f"{data.hex()} {metadata}", f"{status}: {error.details()}")
            return status, None
        return "OK", None

    def _request(self, method: MethodDescriptor) -> bytes:
        message = random_message(method.input_type, self._source, self.ids)
        if self._source.random() < 0.7:
            put_task(message, self._source, self.ids)
        data = bytearray(message.SerializeToString())
        if data and self._source.random() < 0.15:
            for _ in range(self._source.randrange(1, 6)):
                data[self._source.randrange(len(data))] = self._source.randrange(256)
        return bytes(data)

    def _metadata(self) -> list[tuple[str, str]]:
        choice = self._source.random()
        if choice < 0.8:
            return [("authorization", f"Bearer {self._source.choice(self._tokens)}")]
        if choice < 0.9:
            token = list(self._source.choice(self._tokens))
            token[self._source.randrange(len(token))] = self._source.choice("0a_~ .")
            return [("authorization", f"Bearer {''.join(token)}")]
        odd = ["", "Bearer", "Bearer  ", "Basic QTpC", "bearer " + "x" * 3_000, "Bearer tsk_", "Bearer a.b.c"]
        return [("authorization", self._source.choice(odd))] * self._source.randrange(3)
