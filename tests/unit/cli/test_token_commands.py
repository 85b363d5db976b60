"""`task-server token`: what each command asks of the composition root, and what it prints."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.cli.test_cli import Composition, composition  # noqa: F401 - a fixture

from task_server.cli.main import main
from task_server.domain.owner import Grant

DEFAULTS = {
    "username": "u1",
    "role": "editor",
    "grants": None,
    "name": "",
    "expires_at": None,
    "expires_in": None,
}
TOKEN = {
    "id": "0" * 16,
    "user": "li",
    "username": "Li Hua",
    "role": "editor",
    "grants": ["api:create", "code:create"],
    "name": "laptop",
    "created_at": "2030-01-01T00:00:00Z",
    "expires_at": None,
    "last_used_at": "2030-01-01T08:00:00Z",
    "revoked_at": None,
    "state": "works",
}


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], {}),
        (["--name", "Uwe", "--role", "admin"], {"username": "Uwe", "role": "admin"}),
        (["--role", "viewer", "--token-name", "wall"], {"role": "viewer", "name": "wall"}),
        (["--grant", "code:create"], {"grants": [Grant.CREATE_CODE]}),
        (
            ["--grant", "api:create", "--grant", "executions:register-for-others"],
            {"grants": [Grant.CREATE_API, Grant.REGISTER_FOR_OTHERS]},
        ),
        (["--grant", "none"], {"grants": []}),
        (["--expires-in", "90m"], {"expires_in": 5400}),
        (["--expires-in", "30d"], {"expires_in": 30 * 86_400}),
        (["--expires-at", "2100-01-01T00:00:00Z"], {"expires_at": 4_102_444_800_000_000}),
        (["--expires-at", "2100-01-01T02:00:00+02:00"], {"expires_at": 4_102_444_800_000_000}),
    ],
)
def test_create_prints_the_key_alone(
    composition: Composition,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    wanted: dict[str, Any],
) -> None:
    assert main(["token", "create", "--user", "u1", *arguments]) == 0
    assert capsys.readouterr() == ("tsk_1\n", "")
    assert composition.made == [{"user_id": "u1", **DEFAULTS, **wanted}]


@pytest.mark.parametrize(("option", "choice"), [("--role", "operator"), ("--grant", "code:create")])
def test_a_wrong_choice_is_told_the_words_that_may_be_typed(
    capsys: pytest.CaptureFixture[str], option: str, choice: str
) -> None:
    with pytest.raises(SystemExit):
        main(["token", "create", "--user", "u", option, "nonsense"])
    refusal = capsys.readouterr().err.splitlines()[-1]
    assert choice in refusal
    assert "<" not in refusal, "no Python objects"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--user", " "], "1 to 200 characters"),
        (["--user", "a\nb"], "printable"),
        (["--user", "x" * 201], "1 to 200 characters"),
        (["--user", "u", "--role", "root"], "invalid choice: 'root'"),
        (["--user", "u", "--grant", "everything"], "invalid choice: 'everything'"),
        (["--user", "u", "--grant", "none", "--grant", "code:create"], "stands alone"),
        (["--user", "u", "--expires-in", "30"], "as 30d"),
        (["--user", "u", "--expires-in", "0d"], "as 30d"),
        (["--user", "u", "--expires-in", "-1d"], "expected one argument"),
        (["--user", "u", "--expires-at", "2100-01-01T00:00:00"], "with its zone"),
        (["--user", "u", "--expires-at", "2000-01-01T00:00:00Z"], "in the future"),
        (["--user", "u", "--expires-at", "soon"], "with its zone"),
        (["--user", "u", "--expires-at", "2100-01-01T00:00:00Z", "--expires-in", "1d"], "not allowed with"),
    ],
)
def test_a_wrong_argument_makes_nothing(
    composition: Composition,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    try:
        status: object = main(["token", "create", *arguments])
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert said in capsys.readouterr().err
    assert composition.made == []


def test_list_is_a_table_or_json(
    composition: Composition,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    composition.listed = [TOKEN, TOKEN | {"id": "1" * 16, "grants": [], "name": "", "last_used_at": None}]
    assert main(["token", "list"]) == 0
    heads, first, second = capsys.readouterr().out.splitlines()
    assert heads.split() == ["ID", "USER", "ROLE", "GRANTS", "NAME", "CREATED", "EXPIRES", "LAST", "USED", "STATE"]
    assert first.split() == [
        "0" * 16, "li", "editor", "api:create,code:create", "laptop", "2030-01-01T00:00:00Z", "never",
        "2030-01-01T08:00:00Z", "works",
    ]  # fmt: skip
    assert second.split()[3:5] == ["-", "-"]
    assert heads.index("STATE") == first.index("works") == second.index("works")
    assert main(["token", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == composition.listed


def test_an_empty_list_is_a_heading_and_an_empty_json_list(
    composition: Composition,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["token", "list"]) == main(["token", "list", "--json"]) == 0
    heads, empty = capsys.readouterr().out.splitlines()
    assert heads.startswith("ID ")
    assert json.loads(empty) == []


def test_revoke_says_nothing_unless_nobody_is_left_to_administer(
    composition: Composition,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    composition.listed = [TOKEN, TOKEN | {"id": "a" * 16, "role": "admin"}]
    assert main(["token", "revoke", "0" * 16]) == 0
    assert capsys.readouterr() == ("", "")
    for state in ("revoked", "expired"):
        composition.listed[1]["state"] = state
        assert main(["token", "revoke", "0" * 16]) == 0
        out, err = capsys.readouterr()
        assert out == ""
        assert "no admin's token works any more" in err
    assert composition.revoked == ["0" * 16] * 3


def test_revoking_what_is_not_there_is_status_1(
    composition: Composition,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["token", "revoke", "nothing"]) == 1
    assert "there is no token with the id 'nothing'" in capsys.readouterr().err
