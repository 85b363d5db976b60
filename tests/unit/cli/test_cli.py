"""The command line: what each command asks of the composition root, its exit status, and its one line when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import task_server
from task_server.cli.main import main
from task_server.config import Settings
from task_server.domain.owner import Owner
from task_server.domain.tracked_app import TrackedApp


class StartError(Exception):
    """The composition root's refusal, in the twin below."""


class Composition(ModuleType):
    """A composition root that starts nothing and notes what it was asked for."""

    def __init__(self) -> None:
        super().__init__("task_server.bootstrap")
        self.errors = SimpleNamespace(StartError=StartError)
        self.calls: list[tuple[str, Settings]] = []
        self.status = "SERVING"
        self.made: list[dict[str, object]] = []
        self.listed: list[dict[str, object]] = []
        self.revoked: list[str] = []
        self.refusal = ""
        for role in ("server", "gateway", "worker", "scheduler", "tracker"):
            setattr(self, role, SimpleNamespace(run=lambda settings, role=role: self._note(role, settings, 0)))
        self.migration = SimpleNamespace(migrate=lambda settings: self._note("migrate", settings, 7))
        self.sealing = SimpleNamespace(make_key=lambda settings: self._note("make_key", settings, 0))
        self.health = SimpleNamespace(check=self._check_health)
        self.tokens = SimpleNamespace(
            create=self._create_token,
            everything=lambda _settings: self.listed,
            revoke=self._revoke_token,
            exist=lambda _settings: bool(self.made),
        )

    def _note(self, name: str, settings: Settings, answer: int) -> int:
        self.calls.append((name, settings))
        if self.refusal:
            raise StartError(self.refusal)
        return answer

    def _check_health(self, settings: Settings, service: str) -> str:
        self._note(f"health {service}", settings, 0)
        return self.status

    def _revoke_token(self, settings: Settings, token_id: str) -> bool:
        self.revoked.append(token_id)
        return any(token["id"] == token_id for token in self.listed)

    def _create_token(self, settings: Settings, **token: object) -> str:
        self.made.append(token)
        return f"tsk_{len(self.made)}"


@pytest.fixture
def composition(monkeypatch: pytest.MonkeyPatch) -> Composition:
    for name in [name for name in os.environ if name.startswith("TASK_SERVER_")]:
        monkeypatch.delenv(name)
    twin = Composition()
    monkeypatch.setitem(sys.modules, "task_server.bootstrap", twin)
    monkeypatch.setattr(task_server, "bootstrap", twin, raising=False)
    # The commands log to standard error for their whole life; a test's handlers must outlive them.
    monkeypatch.setattr("task_server.logs.configure", lambda level, log_format, role: None)
    return twin


@pytest.mark.parametrize("role", ["server", "gateway", "worker", "scheduler", "tracker"])
def test_each_role_runs_with_the_settings(composition: Composition, role: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('grpc_address = "127.0.0.1:1234"\n')
    assert main([role, "--config", str(file), "--data-dir", str(tmp_path)]) == 0
    assert composition.calls == [(role, Settings(grpc_address="127.0.0.1:1234", data_dir=tmp_path))]


def test_the_tracker_follows_the_app_that_its_options_describe(
    composition: Composition, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    followed: list[TrackedApp] = []

    def run(_: Settings, apps: Sequence[TrackedApp]) -> int:
        followed.extend(apps)
        return 0

    composition.tracker = SimpleNamespace(run=run)
    (tmp_path / "broker").write_text("redis://:pw@127.0.0.1/0\n")
    options = ["--broker-file", str(tmp_path / "broker"), "--module", "a", "--module", "b*", "--created-by", "li"]
    assert main(["tracker", "--app", "theirs", *options]) == 0
    assert followed == [
        TrackedApp(name="theirs", broker="redis://:pw@127.0.0.1/0", modules=("a", "b*"), created_by=Owner("li", "li"))
    ]
    assert main(["tracker", *options]) == 2
    assert "--app is missing" in capsys.readouterr().err
    assert main(["tracker", "--app", "theirs", "--broker", "redis://:secret-word@broker.example.com/0"]) == 2
    said = capsys.readouterr().err
    assert "broker.example.com in plain text" in said
    assert "secret-word" not in said


def test_migrate_says_the_version(composition: Composition, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == "the database is at schema version 7\n"


@pytest.mark.parametrize(
    "command", ["server", "gateway", "worker", "scheduler", "tracker", "migrate", "prepare", "health"]
)
def test_a_refusal_is_one_line_and_status_1(
    composition: Composition, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    composition.refusal = "the database is from a newer version"
    assert main([command]) == 1
    assert capsys.readouterr() == ("", "task-server: the database is from a newer version\n")


def test_wrong_settings_are_one_line_and_status_2(
    composition: Composition, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASK_SERVER_LOG_LEVEL", "LOUD")
    monkeypatch.setenv("TASK_SERVER_LOG_FORMAT", "xml")
    assert main(["server"]) == 2
    said = capsys.readouterr().err
    assert said == "task-server: log_level must be DEBUG, INFO, WARNING or ERROR; log_format must be text or json\n"
    assert composition.calls == []


def test_a_defect_keeps_its_traceback(composition: Composition) -> None:
    composition.migration = None
    with pytest.raises(AttributeError):
        main(["migrate"])


def test_health_is_the_exit_status(composition: Composition, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health"]) == 0
    assert capsys.readouterr() == ("", "")
    composition.status = "NOT_SERVING"
    assert main(["health", "--service", "task_manager.v1.TaskService"]) == 1
    said = capsys.readouterr().err
    assert said == "task-server: task_manager.v1.TaskService at 127.0.0.1:50051 is NOT_SERVING\n"
    assert [name for name, _ in composition.calls] == ["health ", "health task_manager.v1.TaskService"]


def test_prepare_migrates_and_makes_the_admins_token_once(
    composition: Composition, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for _ in range(2):
        assert main(["prepare", "--data-dir", str(tmp_path)]) == 0
    assert [name for name, _ in composition.calls] == ["migrate", "make_key"] * 2
    assert composition.made == [{"user_id": "admin", "username": "admin", "role": "admin"}]
    path = tmp_path / "admin.token"
    assert path.read_text() == "tsk_1\n"
    assert capsys.readouterr() == ("", f"task-server: the admin's token is in {path}\n")


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["token"], ["token", "create"], ["up", "--port", "1"]])
def test_a_wrong_command_line_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert capsys.readouterr().err.startswith("usage: task-server")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"task-server {task_server.__version__}\n"


def test_the_supervising_process_loads_no_heavy_library() -> None:
    program = (
        "import sys; import task_server.cli.main, task_server.embedded.up\n"
        "print(sorted({'asyncio', 'celery', 'grpc', 'google', 'kombu', 'peewee', 'http', 'ssl'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout == "[]\n"


def test_the_worker_loads_no_command_line_of_celerys(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from celery import signals\n"
        "from task_server.cli.main import main\n"
        "def look(**_):\n"
        "    print(sorted({'celery.bin.celery', 'click_repl', 'prompt_toolkit'} & set(sys.modules)))\n"
        "    sys.exit()\n"
        "signals.worker_init.connect(look)\n"
        "for command in ('migrate', 'worker'):\n"
        f"    main([command, '--data-dir', {str(tmp_path)!r}])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.splitlines()[1:] == ["[]"]


def test_no_other_user_may_read_a_database_that_a_command_made(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "task_server", "migrate", "--data-dir", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, umask=0)
    made = list(tmp_path.iterdir())
    assert made
    assert [file.name for file in made if file.stat().st_mode & 0o007] == []
