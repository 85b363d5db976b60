"""What `requests` may do: one exchange with one target, and nothing of its own accord."""

from __future__ import annotations

import ssl
from functools import partial
from typing import Any, NoReturn

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Retry

from task_server.executors.connection import Dialer, GuardedConnection, GuardedTlsConnection
from task_server.executors.egress import EgressDenied


class _Pool(HTTPConnectionPool):
    ConnectionCls = GuardedConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = GuardedTlsConnection


class GuardedSession(requests.Session):
    """A session for one exchange with the dialer's target.

    It takes nothing from the environment or from files, uses no proxy, tries nothing again and follows no redirect. Its
    connections and cookies end with it.

    Parameters:
        tls: what certificates must be like; used as it is.
    """

    def __init__(self, dialer: Dialer, tls: ssl.SSLContext) -> None:
        super().__init__()
        self.trust_env = False
        self.adapters.clear()
        self.mount(f"{dialer.target.scheme}://", _GuardedAdapter(dialer, tls))

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """None: who sends follows redirects. Told of one, requests would read its whole body, even if not to follow it."""
        return


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, dialer: Dialer, tls: ssl.SSLContext) -> None:
        self._dialer = dialer
        self._tls = tls
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=Retry(False))

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._tls, **pool_kwargs)
        pools: dict[str, Any] = {
            "http": partial(_Pool, dialer=self._dialer),
            "https": partial(_TlsPool, dialer=self._dialer),
        }
        self.poolmanager.pool_classes_by_scheme = pools

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave it to the context, which is complete: requests would read certifi's file for every connection."""

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> NoReturn:  # noqa: ARG002
        message = "Calls through a proxy are not allowed."
        raise EgressDenied(message)
