"""What is counted is what is served; nothing is, and nothing is loaded, where nobody asked for it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from task_server.config import ConfigError, Settings
from task_server.metrics import meters
from task_server.metrics.endpoint import Endpoint
from task_server.metrics.meter import DECLARED
from task_server.metrics.reading import Reading, remembered
from task_server.metrics.serving import MetricsAddressError, served

ADDRESS = "127.0.0.1:0"


def scrape(endpoint: Endpoint) -> dict[tuple[str, ...], float]:
    """By name and the values of its labels, in the order of their names, what is served."""
    answer = requests.get(f"http://127.0.0.1:{endpoint.port}/metrics", timeout=10)
    assert answer.status_code == 200
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint(ADDRESS)
    yield endpoint
    endpoint.close()


def test_what_is_counted_and_measured_is_served(endpoint):
    meters.CALLS.count("/S/M", "OK")
    meters.CALLS.count("/S/M", "OK")
    meters.CALLS.count("/S/M", "UNAVAILABLE")
    meters.PUBLISHED.count(by=5)
    meters.CALL_SECONDS.observe(0.003, "/S/M")

    found = scrape(endpoint)

    assert found["task_manager_calls_total", "OK", "/S/M"] == 2
    assert found["task_manager_calls_total", "UNAVAILABLE", "/S/M"] == 1
    assert found["task_manager_published_total",] == 5
    assert found["task_manager_call_seconds_bucket", "0.0025", "/S/M"] == 0
    assert found["task_manager_call_seconds_bucket", "0.005", "/S/M"] == 1
    assert [value for name, value in found.items() if name[0] == "task_manager_build_info"] == [1]
    assert found["process_resident_memory_bytes",] > 0


def test_each_process_begins_at_nothing_and_forgets_what_it_is_told_before():
    meters.PUBLISHED.count(by=7)
    for _ in range(2):
        endpoint = Endpoint(ADDRESS)
        assert scrape(endpoint)["task_manager_published_total",] == 0
        meters.PUBLISHED.count()
        assert scrape(endpoint)["task_manager_published_total",] == 1
        endpoint.close()
    assert all(meter.live is None for meter in DECLARED)


def test_readings_are_taken_at_each_scrape_and_one_that_fails_hides_no_other():
    depth = {("default",): 3.0}

    def fail():
        raise OSError("away")

    restarts = Reading("restarts", "r", (), {(): 4}, grows=True)
    endpoint = Endpoint(ADDRESS, fail, lambda: [Reading("depth", "d", ("queue",), depth), restarts])
    try:
        assert scrape(endpoint)["task_manager_depth", "default"] == 3
        depth["default",] = 5.0
        found = scrape(endpoint)
        assert found["task_manager_depth", "default"] == 5
        assert found["task_manager_restarts_total",] == 4
    finally:
        endpoint.close()


def test_a_source_is_asked_again_only_after_a_while(monkeypatch):
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    asked = []
    read = remembered(lambda: asked.append(1) or asked.copy(), 5.0)
    assert read() == read() == [1]
    now = 105.0
    assert read() == [1, 1]


def test_there_is_nothing_but_metrics(endpoint):
    base = f"http://127.0.0.1:{endpoint.port}"
    assert requests.get(f"{base}/", timeout=10).status_code == 404
    assert requests.post(f"{base}/metrics", timeout=10).status_code == 501
    assert "Python" not in requests.get(f"{base}/metrics", timeout=10).headers["Server"]


def test_a_scraper_that_says_nothing_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr("task_server.metrics.endpoint._PATIENCE_SECONDS", 0.1)
    endpoint = Endpoint(ADDRESS)
    try:
        with socket.create_connection(("127.0.0.1", endpoint.port)):
            assert scrape(endpoint)
    finally:
        endpoint.close()


def test_nothing_is_served_where_no_address_is_set():
    with served(Settings()):
        assert all(meter.live is None for meter in DECLARED)


def test_an_address_in_use_is_one_line(endpoint):
    settings = Settings(metrics_address=f"127.0.0.1:{endpoint.port}")
    with pytest.raises(MetricsAddressError, match="can not be listened on: Address already in use"), served(settings):
        pass


def test_other_machines_do_not_read_them_in_plain_text():
    with pytest.raises(ConfigError, match="metrics_address"), served(Settings(metrics_address="0.0.0.0:0")):
        pass
    with served(Settings(metrics_address="0.0.0.0:0", insecure=True)):
        pass


def test_an_address_is_host_and_port():
    with pytest.raises(ConfigError, match="metrics_address must be host:port"):
        Settings(metrics_address="9464")


def test_the_library_is_not_loaded_for_nothing():
    code = (
        "import sys, task_server.metrics.meters, task_server.metrics.serving; "
        "import task_server.worker.app, task_server.bootstrap.server; "
        "print([name for name in sys.modules if name.startswith('prometheus')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout == "[]\n"
