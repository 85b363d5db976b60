"""The operator's file of callers: what it says, and all that is wrong with it at once."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tests.readme_pages import ROOT, blocks

from task_server.auth.callers_file import Callers, read_callers
from task_server.auth.certificates import Name
from task_server.auth.issuer import Issuer
from task_server.config import ConfigError
from task_server.domain.owner import DEFAULT_GRANTS, CallerKind, Grant, Role

GOOD = """
[[issuer]]
issuer = "https://id.example.com/"
audience = "task-manager"
jwks_url = "https://id.example.com/jwks.json"
user_id_prefix = "example:"
role_claim = ["realm_access", "roles"]
roles = { tasks-admin = "admin", tasks-editor = "editor" }
grants = { tasks-admin = ["api:create"] }
max_age_seconds = 3600

[[issuer]]
issuer = "https://other.example.com/"
audience = ["a", "b"]
jwks_file = "/etc/jwks.json"
user_id_prefix = ""
algorithms = ["ES384"]
default_role = "viewer"

[[certificate]]
uri = "spiffe://example.com/billing"
user_id = "billing"
role = "editor"

[[certificate]]
dns = "Reports.Example.com"
user_id = "reports"
username = "Reports"
role = "viewer"
grants = ["executions:register-for-others"]
"""


def read(tmp_path: Path, text: str) -> Callers:
    file = tmp_path / "callers.toml"
    file.write_text(text)
    return read_callers(file)


def test_what_it_says(tmp_path: Path) -> None:
    callers = read(tmp_path, GOOD)
    first, second = callers.issuers
    assert (first.issuer, first.audience, first.user_id_prefix) == (
        "https://id.example.com/",
        ("task-manager",),
        "example:",
    )
    assert first.role_claim == ("realm_access", "roles")
    assert first.roles == {"tasks-admin": Role.ADMIN, "tasks-editor": Role.EDITOR}
    assert first.grants == {"tasks-admin": {Grant.CREATE_API}}
    assert (first.max_age_seconds, first.algorithms) == (3600.0, ("RS256", "ES256", "EdDSA"))
    assert (second.default_role, second.algorithms, second.grants) == (Role.VIEWER, ("ES384",), None)
    billing, reports = (
        callers.certificates[Name("uri", "spiffe://example.com/billing")],
        callers.certificates[Name("dns", "reports.example.com")],
    )
    assert (billing.owner.id, billing.owner.username, billing.role) == ("billing", "billing", Role.EDITOR)
    assert (billing.grants, billing.kind) == (DEFAULT_GRANTS[Role.EDITOR], CallerKind.CERTIFICATE)
    assert (reports.owner.username, reports.grants) == ("Reports", {Grant.REGISTER_FOR_OTHERS})


def test_an_empty_file_lets_in_nobody(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Callers((), {})


ISSUER: dict[str, Any] = {
    "issuer": '"https://id.example.com/"',
    "audience": '"a"',
    "jwks_url": '"https://id.example.com/jwks"',
    "user_id_prefix": '""',
    "default_role": '"viewer"',
}
CERTIFICATE = {"uri": '"spiffe://a/b"', "user_id": '"b"', "role": '"viewer"'}


def table(kind: str, values: dict[str, str]) -> str:
    return f"[[{kind}]]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("issuer", {"issuer": None}, "issuer 1: issuer is missing"),
        ("issuer", {"audience": None}, "a token for another service would do here"),
        ("issuer", {"audience": "[]"}, "audience must not be empty"),
        ("issuer", {"user_id_prefix": None}, "user_id_prefix is missing"),
        ("issuer", {"jwks_url": None}, "give either jwks_url or jwks_file"),
        ("issuer", {"jwks_file": '"/f"'}, "give either jwks_url or jwks_file"),
        ("issuer", {"jwks_url": '"http://id.example.com/"'}, "must begin with https://"),
        ("issuer", {"jwks_url": '"http://0.0.0.0/"'}, "must begin with https://"),
        ("issuer", {"jwks_url": '"file:///etc/passwd"'}, "must be a URL with a host"),
        ("issuer", {"jwks_url": '"ftp://id.example.com/"'}, "must begin with https://"),
        ("issuer", {"jwks_url": '"https://u:p@id.example.com/"'}, "without a user"),
        ("issuer", {"algorithms": '["none"]'}, "which need a public key"),
        ("issuer", {"algorithms": '["RS256", "HS256"]'}, "which need a public key"),
        ("issuer", {"algorithms": "[]"}, "must not be empty"),
        ("issuer", {"default_role": None}, "nobody is let in"),
        ("issuer", {"default_role": '"root"'}, "must be one of viewer, operator, editor, admin"),
        ("issuer", {"default_role": "[]"}, "must be one of viewer"),
        ("issuer", {"roles": '{ a = "root" }'}, "must be one of viewer"),
        ("issuer", {"roles": '["a"]'}, "must be a table"),
        ("issuer", {"grants": '{ a = ["everything"] }'}, "must be a list of code:create"),
        ("issuer", {"max_age_seconds": "-1"}, "must be seconds"),
        ("issuer", {"clock_skew_seconds": "3600"}, "must be seconds, from 0 to 300"),
        ("issuer", {"max_age_seconds": "true"}, "must be seconds"),
        ("issuer", {"secret": '"x"'}, "'secret' is not known"),
        ("certificate", {"uri": None}, "give either uri or dns"),
        ("certificate", {"dns": '"a"'}, "give either uri or dns"),
        ("certificate", {"user_id": None}, "user_id is missing"),
        ("certificate", {"user_id": '""'}, "must be a text"),
        ("certificate", {"user_id": '"a\\u0000"'}, "must be a text"),
        ("certificate", {"role": None}, "role is missing"),
        ("certificate", {"role": '"editor?"'}, "must be one of viewer"),
        ("certificate", {"grants": '"code:create"'}, "must be a list"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, kind: str, changes: dict[str, str | None], words: str) -> None:
    good = ISSUER if kind == "issuer" else CERTIFICATE
    read(tmp_path, table(kind, good))
    values = {name: value for name, value in (good | changes).items() if value is not None}
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, table(kind, values))
    assert words in str(refusal.value)
    assert str(tmp_path / "callers.toml") in str(refusal.value)


def test_a_username_that_may_be_left_out_is_not_called_missing(tmp_path: Path) -> None:
    values = {name: value for name, value in CERTIFICATE.items() if name not in ("user_id", "username")}
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, table("certificate", values))
    assert "user_id is missing" in str(refusal.value)
    assert ": username" not in str(refusal.value)


def test_keys_on_this_machine_need_no_tls(tmp_path: Path) -> None:
    assert read(tmp_path, table("issuer", ISSUER | {"jwks_url": '"http://127.0.0.1:8000/jwks"'}))


def test_twice_the_same_and_all_at_once(tmp_path: Path) -> None:
    text = table("issuer", ISSUER) * 2 + table("certificate", CERTIFICATE) * 2 + "[[other]]\n"
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, text)
    assert len(str(refusal.value).splitlines()) == 3
    for broken in ("[[issuer]", "issuer = 1", "[issuer]"):
        with pytest.raises(ConfigError):
            read(tmp_path, broken)
    with pytest.raises(ConfigError, match="can not be read"):
        read_callers(tmp_path / "missing")


def test_the_documented_example_is_one(tmp_path: Path) -> None:
    page = ROOT / "docs/operations.md"
    (example,) = [block.text for block in blocks(page) if block.language == "toml" and "[[issuer]]" in block.text]
    callers = read(tmp_path, example)
    assert (len(callers.issuers), len(callers.certificates)) == (1, 1)
    rows = re.findall(r"^\| (`.*?`) \|", page.read_text(), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    told |= set(re.findall(r"^(\w+) =", example, re.MULTILINE))
    assert {field.name for field in fields(Issuer)} - {"jwks_file"} <= told
