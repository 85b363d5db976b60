"""What a worker is made of, from its settings."""

from __future__ import annotations

from typing import Any

import pytest

from task_server.config import Settings
from task_server.worker.runtime import make_executors


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"egress_allow": ("10.0.0.1/8",)}, "'10.0.0.1/8' is no network"),
        ({"egress_deny": ("localhost",)}, "'localhost' is no network"),
        ({"egress_allow_hosts": ("a/b",)}, "'a/b' is no host"),
        ({"egress_deny_hosts": ("10.0.0.1",)}, "deny its network instead"),
        ({"egress_proxy": "http://proxy/path"}, "egress_proxy must be http://host:port"),
        ({"egress_ca_file": "/nowhere.pem"}, "can not be read"),
    ],
)
def test_an_entry_that_is_none_keeps_a_worker_from_starting(given: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        make_executors(Settings(**given))


def test_every_setting_of_egress_reaches_the_calls() -> None:
    settings = Settings(
        egress_allow=("10.0.0.0/8",),
        egress_deny=("10.9.0.0/16",),
        egress_allow_hosts=("a.test",),
        egress_deny_hosts=("b.test",),
        egress_ports=(443,),
        egress_proxy="http://proxy:4750",
        egress_proxy_credentials="u:p",
    )
    executors = make_executors(settings)
    http: Any = executors._http
    assert http._egress == {
        "allow_networks": ("10.0.0.0/8",),
        "deny_networks": ("10.9.0.0/16",),
        "allow_hosts": ("a.test",),
        "deny_hosts": ("b.test",),
        "ports": (443,),
    }
    assert http._proxy == {"host": "proxy", "port": 4750, "credentials": "u:p"}
    executors.close()
