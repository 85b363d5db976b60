"""`TaskClient`: the service for programs with threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from copy import copy
from types import TracebackType
from typing import Self

import grpc

from task_manager.admin_calls import AdminCalls
from task_manager.calls import ItemT
from task_manager.endpoint import Endpoint
from task_manager.errors import TaskManagerError
from task_manager.execution_calls import ExecutionCalls
from task_manager.lock_calls import LockCalls
from task_manager.rpcs import RequestT, ResponseT, Rpc
from task_manager.status import from_grpc
from task_manager.streams import Cursor, Patience, is_break
from task_manager.task_calls import TaskCalls
from task_manager.tls_files import PathLike


class TaskClient(TaskCalls, ExecutionCalls, LockCalls, AdminCalls):
    """A connection to the service. It may be shared by threads, and connects at the first call.

    Answers are the contract's own messages (`task_manager.v1`); `task_manager.to_python` turns their JSON values into plain
    Python. Every method raises a `TaskManagerError`, one class per reason (see `task_manager.errors`).

    Args:
        address: a gRPC target. Default: TASK_MANAGER_ADDRESS of the environment, else 127.0.0.1:50051.
        token: who calls. Default: TASK_MANAGER_TOKEN of the environment. "" for none.
        ca_file: PEM, the authorities that the server is trusted by. Default: TASK_MANAGER_CA_FILE of the environment, else
            those that gRPC brings. Giving any of these files means TLS, on this machine too.
        cert_file: PEM, the caller's certificate for a server that asks for one. Default: TASK_MANAGER_CERT_FILE.
        key_file: its key. Default: TASK_MANAGER_KEY_FILE.
        credentials: for TLS, in place of the files.
        insecure: lets the token and all data go in plain text to another machine. Without it and without `credentials` or
            files, plain text goes to loopback addresses and Unix sockets only, and TLS is used elsewhere.
        timeout: seconds that one call may take. Streams have no such limit.
        patience: seconds that `watch`, `wait` and `logs` keep trying to reach a server that is away, `math.inf` for ever.

    Raises:
        ValueError: the arguments contradict one another, or the address or token can not be one.
    """

    def __init__(
        self,
        address: str | None = None,
        token: str | None = None,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        ca_file: PathLike | None = None,
        cert_file: PathLike | None = None,
        key_file: PathLike | None = None,
        insecure: bool = False,
        timeout: float = 30.0,
        patience: float = 60.0,
    ) -> None:
        self._endpoint = Endpoint.resolve(
            address,
            token,
            credentials=credentials,
            ca_file=ca_file,
            cert_file=cert_file,
            key_file=key_file,
            insecure=insecure,
        )
        self._timeout = timeout
        self._patience = patience
        where, options = self._endpoint.address, self._endpoint.options
        self._channel = (
            grpc.insecure_channel(where, options)
            if self._endpoint.credentials is None
            else grpc.secure_channel(where, self._endpoint.credentials, options)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection. Calls and streams that are still open fail with the code CANCELLED."""
        self._channel.close()

    def within(self, timeout: float) -> Self:
        """The same connection, with `timeout` as the seconds that one call may take. Closing either closes both."""
        twin = copy(self)
        twin._timeout = timeout
        return twin

    def _call(self, rpc: Rpc[RequestT, ResponseT], request: RequestT, deadline: float | None = None) -> ResponseT:
        invoke = self._channel.unary_unary(rpc.path, rpc.request.SerializeToString, rpc.response.FromString)
        try:
            response: ResponseT = invoke(request, timeout=deadline or self._timeout, metadata=self._endpoint.metadata)
        except grpc.RpcError as error:
            raise from_grpc(error) from error
        return response

    def _stream(
        self, rpc: Rpc[RequestT, ResponseT], request: RequestT, deadline: float | None
    ) -> Generator[ResponseT, None, None]:
        invoke = self._channel.unary_stream(rpc.path, rpc.request.SerializeToString, rpc.response.FromString)
        call = invoke(request, timeout=deadline, metadata=self._endpoint.metadata)
        try:
            yield from call
        except grpc.RpcError as error:
            raise from_grpc(error) from error
        finally:
            call.cancel()  # type: ignore[no-untyped-call]  # grpc-stubs left it out

    def _resume(
        self,
        rpc: Rpc[RequestT, ResponseT],
        cursor: Cursor[RequestT, ResponseT, ItemT],
        remaining: Callable[[], float | None] = lambda: None,
    ) -> Generator[ItemT, None, None]:
        patience = Patience(self._patience)
        while True:
            try:
                with closing(self._stream(rpc, cursor.open(), remaining())) as messages:
                    for message in messages:
                        patience.renew()
                        yield from cursor.accept(message)
                yield from cursor.finish()
                return
            except TaskManagerError as error:
                if not is_break(error):
                    raise
                left = remaining()
                delay = patience.after(error)
            time.sleep(delay if left is None else min(delay, left))
