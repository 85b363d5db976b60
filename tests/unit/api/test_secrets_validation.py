"""The secrets of a Task message: what is sealed, what is kept, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format

from task_manager.v1 import task_pb2, task_service_pb2
from task_server.api import convert
from task_server.api.request_digest import RequestDigests
from task_server.api.task_draft import Draft, Drafts, set_stored_secrets
from task_server.api.validation.secrets import SecretTaker
from task_server.api.validation.task import TaskValidator
from task_server.api.validation.update import merged
from task_server.api.validation.violations import Violations
from task_server.domain.errors import InvalidFields, SealingUnavailable
from task_server.domain.owner import Owner
from task_server.domain.secret import MAX_SECRET_BYTES, REDACTED, SecretKind
from task_server.domain.task import Task, TaskDefinition
from task_server.sealing.fingerprints import Fingerprints
from task_server.sealing.key_source import GivenKeys
from task_server.sealing.sealer import Sealer
from task_server.usecases.tasks import new_task

ANN = Owner("ann", "Ann")
URL = "https://api.example.com/v1"
SEALER = Sealer(GivenKeys("1" * 64, "the test"))


def drafts(sealer: Sealer = SEALER) -> Drafts:
    return Drafts(TaskValidator(lambda *_: (), lambda *_: (), 300.0, 3600.0), SecretTaker(Fingerprints(b"key")), sealer)


def message(**fields: Any) -> task_pb2.Task:
    return json_format.ParseDict({"name": "n", "api_url": URL, **fields}, task_pb2.Task())


def drafted(**fields: Any) -> Draft:
    return drafts().draft("ann", message(**fields), Violations())


def violations(**fields: Any) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        drafted(**fields)
    found: dict[str, str] = {}
    for each in caught.value.violations:
        found[each.field] = f"{found.get(each.field, '')}{each.description}; "
    return found


def opened(draft: Draft) -> dict[tuple[SecretKind, str], str]:
    """What is to be stored for a task, opened again."""
    return {
        (each.kind, each.name): SEALER.open(each).plain for each in draft.secrets.sealed_for(task(draft.definition))
    }


def task(definition: TaskDefinition) -> Task:
    return new_task(ANN, definition, 0)


def updated(before: TaskDefinition, *paths: str, **fields: Any) -> Draft:
    """What UpdateTask makes of a stored task."""
    stored = convert.task(task(before), None, None, full=True)
    set_stored_secrets(stored, before)
    request = task_service_pb2.UpdateTaskRequest(task=json_format.ParseDict(fields, task_pb2.Task()))
    request.update_mask.paths.extend(paths)
    noted = Violations()
    return drafts().draft("ann", merged(stored, request, noted), noted, stored=before)


def answered(definition: TaskDefinition) -> dict[str, Any]:
    shown = convert.task(task(definition), None, None, full=True)
    return json_format.MessageToDict(shown, preserving_proto_field_name=True)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Authorization",
            "COOKIE",
            "X-Api-Key",
            "x-apikey",
            "X-Auth-Token",
            "X-CSRF-Token",
            "Api-Token",
            "X-Amz-Security-Token",
        ),
        *(
            "X-Secret",
            "X-My-Secret-Key",
            "X-Password",
            "Ocp-Apim-Subscription-Api-Key",
            "X-Goog-Authorization",
            "Private-Token",
        ),
    ],
)
def test_headers_that_carry_credentials_are_sealed(name: str) -> None:
    draft = drafted(headers={name: "s3cr3t", "X-Other": "plain"})
    assert opened(draft) == {(SecretKind.HEADER, name): "s3cr3t"}
    assert draft.definition.action.headers == {"X-Other": "plain"}
    shown = answered(draft.definition)
    assert shown["headers"] == {name: REDACTED, "X-Other": "plain"}
    assert [(each["name"], each["kind"]) for each in shown["sealed_values"]] == [(name, "HEADER")]
    assert "s3cr3t" not in json.dumps(shown) + repr(draft)


@pytest.mark.parametrize(
    "name", ["Idempotency-Key", "Accept", "X-Request-Id", "Content-Type", "X-Tokenizer", "Secretary"]
)
def test_other_headers_are_not(name: str) -> None:
    draft = drafted(headers={name: "value"})
    assert (opened(draft), draft.definition.action.headers) == ({}, {name: "value"})


def test_a_placeholder_after_a_scheme_is_no_secret_itself() -> None:
    draft = drafted(headers={"Authorization": "Bearer {{secrets.T}}"}, secrets={"T": "12345678"})
    assert opened(draft) == {(SecretKind.VALUE, "T"): "12345678"}
    assert answered(draft.definition)["headers"] == {"Authorization": "Bearer {{secrets.T}}"}


def test_equal_secrets_are_seen_to_be_equal() -> None:
    sealed = drafted(secrets={"A": "12345678", "B": "12345678", "C": "123456789"}).definition.action.sealed
    prints = {value.name: value.fingerprint for value in sealed}
    assert prints["A"] == prints["B"] != prints["C"]


def test_code_has_no_secrets() -> None:
    for field in ("secrets", "secret_headers"):
        found = violations(api_url=None, function_code="def f(): pass", function_name="f", **{field: {"A": "12345678"}})
        assert set(found) == {f"task.{field}"}
        assert "code can not keep a secret, since it could print it" in found[f"task.{field}"]


def test_all_that_is_wrong_is_told_at_once_and_no_value() -> None:
    found = violations(
        api_url="https://{{secrets.A}}.example.com/{{secrets.GONE}}",
        headers={"Cookie": "a=1; b={{secrets.A}}", "X-Twice": "1", "X-Redacted": REDACTED, "X-Bad": "{{secrets.1}}"},
        secret_headers={"X-Short": "OPENSES", "x-twice": "OPENSESAME", "X-Long": "OPENSESAME" * MAX_SECRET_BYTES},
        secrets={"1": "OPENSESAME", "A": "OPENSES", "B": "OPENSESAME" * MAX_SECRET_BYTES, "C": REDACTED},
        params={"{{secrets.A}}": "{{secrets.NONE}}"},
        data={"a": [{"{{secrets.A}}": "{{secrets.OTHER}}"}]},
    )
    wanted = {
        "task.api_url": ["'GONE'", "can not say where a call goes"],
        "task.headers": ["'Cookie' is sealed and sent", "'X-Twice' stands in", "nothing is for 'X-Redacted'", "can not be read"],
        "task.secret_headers": ["'X-Short' must have at least 8", "'X-Long' must have at most 8,192 bytes"],
        "task.secrets": ["'1' is no name", "'A' must have at least 8", "'B' must have at most 8,192", "nothing is for 'C'"],
        "task.params": ["'NONE'", "for a value, not for a name"],
        "task.data": ["'OTHER'", "for a value, not for a name"],
    }  # fmt: skip
    assert set(found) == set(wanted)
    for field, parts in wanted.items():
        for part in parts:
            assert part in found[field], found[field]
    assert "OPENSES" not in str(found)


def test_what_is_sent_is_checked_with_its_secrets() -> None:
    line = violations(headers={"X-A": "{{secrets.A}}"}, secrets={"A": "OPENSES\nAME"})
    assert line == {"task.headers": "with its secrets, the value of 'X-A' contains a control character; "}
    assert "control character" in violations(secret_headers={"X-A": "OPENSES\nAME"})["task.headers"]
    assert "given twice" in violations(secret_headers={"X-A": "12345678", "x-a": "12345678"})["task.headers"]
    assert "is set by the service" in violations(secret_headers={"Host": "12345678"})["task.headers"]
    assert "characters" in violations(api_url=URL + "/{{secrets.A}}", secrets={"A": "a" * 3000})["task.api_url"]
    big = {f"X-{number}": "a" * 8000 for number in range(3)}
    assert "at most 16384" in violations(secret_headers=big)["task.headers"]


def test_there_are_limits() -> None:
    assert "at most 64" in violations(secrets={f"A{number}": "12345678" for number in range(65)})["task.secrets"]
    many = violations(data=["{{secrets.A}}"] * 101, secrets={"A": "12345678"})
    assert many == {"task.secrets": "have 101 placeholders; at most 100 are allowed; "}


def test_without_a_key_no_secret_is_taken() -> None:
    with pytest.raises(SealingUnavailable, match="set sealing_key_file"):
        drafts(Sealer()).draft("ann", message(secrets={"A": "12345678"}), Violations())
    with pytest.raises(SealingUnavailable):
        drafts(Sealer()).draft("ann", message(headers={"Authorization": "x"}), Violations())
    drafts(Sealer()).draft("ann", message(headers={"X-A": "x"}), Violations())


STORED = {
    "headers": {"Authorization": "Bearer abc", "X-A": "1", "X-T": "{{secrets.T}}"},
    "secret_headers": {"X-Own": "abcdefgh"},
    "secrets": {"T": "12345678", "U": "87654321"},
}
_ALL = {
    (SecretKind.HEADER, "Authorization"),
    (SecretKind.HEADER, "X-Own"),
    (SecretKind.VALUE, "T"),
    (SecretKind.VALUE, "U"),
}


def fields(definition: TaskDefinition) -> set[tuple[SecretKind, str]]:
    return {(value.kind, value.name) for value in definition.action.sealed}


@pytest.mark.parametrize("paths", [(), ("*",), ("headers",), ("headers", "name"), ("sealed_values", "headers")])
def test_what_was_read_can_be_written_back(paths: tuple[str, ...]) -> None:
    before = drafted(**STORED).definition
    draft = updated(before, *paths, **answered(before))
    assert draft.definition == before
    assert opened(draft) == {}


def test_updates_change_what_they_name() -> None:
    before = drafted(**STORED).definition
    cases: list[tuple[tuple[str, ...], dict[str, Any], set[tuple[SecretKind, str]], dict[Any, str]]] = [
        (("name",), {"name": "new"}, set(), {}),
        (("secrets.T",), {"secrets": {"T": "new value"}}, set(), {(SecretKind.VALUE, "T"): "new value"}),
        (("secrets.U",), {}, {(SecretKind.VALUE, "U")}, {}),
        (("secrets", "secret_headers"), {}, set(), {}),
        (("secrets",), {"secrets": {"T": REDACTED}}, {(SecretKind.VALUE, "U")}, {}),
        (("secret_headers",), {"secret_headers": {"X-Own": "new value"}}, set(), {(SecretKind.HEADER, "X-Own"): "new value"}),
        (("headers.X-Own",), {}, {(SecretKind.HEADER, "X-Own")}, {}),
    ]  # fmt: skip
    for paths, change, gone, new in cases:
        draft = updated(before, *paths, **change)
        assert fields(draft.definition) == _ALL - gone, paths
        assert opened(draft) == new, paths


def test_the_same_secret_again_changes_nothing() -> None:
    before = drafted(**STORED).definition
    assert updated(before, "secrets.T", secrets={"T": "12345678"}).definition == before
    assert updated(before, "secrets.T", secrets={"T": "12345679"}).definition != before


def test_secrets_go_with_the_kind_of_action() -> None:
    before = drafted(**STORED).definition
    draft = updated(before, function_code="def f(): pass", function_name="f")
    assert opened(draft) == {}


@pytest.mark.parametrize(
    "url", ["https://evil.example.com/v1", "http://api.example.com/v1", "https://api.example.com:8443/v1"]
)
def test_stored_secrets_are_not_sent_elsewhere(url: str) -> None:
    before = drafted(**STORED).definition
    with pytest.raises(InvalidFields, match=r"task\.api_url: leads to another scheme, host or port"):
        updated(before, "api_url", api_url=url)
    again = updated(before, "*", name="n", api_url=url, **STORED)
    assert set(opened(again)) == _ALL
    assert (
        updated(before, "api_url", api_url="https://API.example.com/other").definition.action.sealed
        == before.action.sealed
    )


def test_a_header_that_was_stored_in_plain_is_shown_to_nobody_and_sealed_with_the_next_update() -> None:
    plain = TaskValidator(lambda *_: (), lambda *_: (), 300.0, 3600.0).validate(
        message(headers={"Authorization": "Bearer old"}), 0, Violations()
    )
    assert answered(plain)["headers"] == {"Authorization": REDACTED}
    draft = updated(plain, **answered(plain))
    assert opened(draft) == {(SecretKind.HEADER, "Authorization"): "Bearer old"}
    assert draft.definition.action.headers == {}


def test_a_digest_can_not_be_made_without_the_key() -> None:
    one = message(secrets={"T": "12345678"}, headers={"X-T": "{{secrets.T}}"})
    other = message(secrets={"T": "12345679"}, headers={"X-T": "{{secrets.T}}"})
    digests = RequestDigests(b"k" * 32)
    assert digests.of(one) == digests.of(one) != digests.of(other)
    assert RequestDigests(b"l" * 32).of(one) != digests.of(one)
