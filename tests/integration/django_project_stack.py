"""A Django project and its Celery worker as processes of their own, beside a whole stack of the service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
from tests.acceptance.acceptance_stack import Stack, eventually
from tests.broker import BrokerProcess
from tests.processes import BARE

SITE = Path(__file__).parent / "django_site"
CALL_SECONDS = 30.0
#: Warnings are errors there too, but Celery's about whoever runs the tests, and redis-py's about how Celery calls it.
_WARNINGS = (
    *("-W", "error"),
    *("-W", "ignore:You're running the worker with superuser privileges"),
    *("-W", "ignore:Call to deprecated setex"),
)


class Site:
    """The project, run by a user's browser."""

    def __init__(self, home: Path, stack: Stack, broker: BrokerProcess, token: str, **environment: str) -> None:
        self.home = home
        #: The service that it is told of.
        self.stack = stack
        # What the tests' own process has switched off for its own forks.
        bare = {name: value for name, value in BARE.items() if name != "GRPC_ENABLE_FORK_SUPPORT"}
        self._environment = bare | {
            "SITE_HOME": str(home),
            "SITE_BROKER": broker.url,
            "SITE_BACKEND": broker.url,
            "SITE_TRACKER": stack.grpc_address,
            "SITE_TOKEN": token,
            **environment,
        }
        self._processes: list[subprocess.Popen[str]] = []
        self.log = home / "stderr.log"
        self.base = ""
        self.browser = requests.Session()
        self.browser.trust_env = False

    def start(self) -> None:
        """Serve the project, and wait until it does."""
        process = self._run("serve.py")
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("READY "), f"instead of READY: {line!r}; {self.log.read_text()}"
        self.base = f"http://{line.split()[1]}"

    def start_worker(self, *options: str) -> None:
        """Run the project's Celery worker, and wait until it takes tasks."""
        usual = ("--pool", "threads", "--concurrency", "2", "-l", "info")
        self._run("-m", "celery", "-A", "site_celery", "worker", *usual, *options)
        eventually(lambda: " ready." in self.log.read_text(), what="the worker is ready")

    def script(self, *arguments: str) -> str:
        """What a script of the project prints."""
        process = self._run(*arguments)
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == 0, self.log.read_text()
        return printed

    def _run(self, *arguments: str) -> subprocess.Popen[str]:
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, *_WARNINGS, *arguments],
                cwd=SITE,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._processes.append(process)
        return process

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a page that goes well."""
        response = self.browser.get(self.base + path, params=query, timeout=CALL_SECONDS)
        assert response.status_code == 200, f"{path}: {response.status_code} {self.log.read_text()}"
        return response.json()

    def call(self, method: str, **arguments: Any) -> Any:
        """What TaskTracker answers in the project."""
        response = self.browser.post(f"{self.base}/call/{method}/", json=arguments, timeout=CALL_SECONDS)
        assert response.status_code == 200, f"{method}: {response.status_code} {self.log.read_text()}"
        return response.json()["answer"]

    def warnings(self) -> str:
        """What the logger `task_manager` has warned of."""
        return (self.home / "warnings.log").read_text()

    def close(self) -> None:
        """End all of it."""
        self.browser.close()
        for process in self._processes:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout
            process.stdout.close()
