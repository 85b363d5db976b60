"""The operator's file of callers beside tokens: issuers of JSON Web Tokens, and client certificates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from task_server.auth.certificates import Name
from task_server.auth.claims import is_plain
from task_server.auth.issuer import Issuer
from task_server.auth.key_set import ALGORITHMS
from task_server.config import ConfigError
from task_server.config.toml_file import read_toml
from task_server.domain.owner import DEFAULT_GRANTS, Caller, CallerKind, Grant, Owner, Role
from task_server.operator_file import REQUIRED, TableReader
from task_server.tls.loopback import is_local

_KNOWN_ALGORITHMS = {algorithm for several in ALGORITHMS.values() for algorithm in several}


@dataclass(frozen=True, slots=True)
class Callers:
    """What the file says."""

    issuers: tuple[Issuer, ...]
    certificates: Mapping[Name, Caller]


def read_callers(file: Path) -> Callers:
    """Read the file. Raises ConfigError with one line for each thing that is wrong."""
    content = read_toml(file, "callers_file")
    reading = _Reading()
    reading.only(content, "the file", {"issuer", "certificate"})
    issuers = [reading.issuer(table, f"issuer {number}") for number, table in reading.tables(content, "issuer")]
    certificates: dict[Name, Caller] = {}
    for number, table in reading.tables(content, "certificate"):
        name, caller = reading.certificate(table, f"certificate {number}")
        if name in certificates:
            reading.wrong.append(f"certificate {number}: {name.kind} {name.value} has a caller already")
        certificates[name] = caller
    names = [issuer.issuer for issuer in issuers]
    reading.wrong += [
        f"issuer {name} comes twice" for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if reading.wrong:
        raise ConfigError("\n".join(f"callers_file {file}: {line}" for line in reading.wrong))
    return Callers(tuple(issuers), certificates)


class _Reading(TableReader):
    """Reads the tables of this file."""

    def issuer(self, table: dict[str, Any], where: str) -> Issuer:
        readers: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            "issuer": ("", _text),
            "audience": ((), _texts),
            "jwks_url": ("", _jwks_url),
            "jwks_file": ("", _text),
            "jwks_ca_file": ("", _text),
            "algorithms": (("RS256", "ES256", "EdDSA"), _algorithms),
            "user_id_claim": (("sub",), _path),
            "username_claim": (("preferred_username",), _path),
            "user_id_prefix": ("", _prefix),
            "role_claim": (("roles",), _path),
            "roles": ({}, _roles),
            "default_role": (None, _role),
            "grants": (None, _grants_by_value),
            "clock_skew_seconds": (30.0, lambda value: _seconds(value, 300)),
            "max_age_seconds": (86_400.0, lambda value: _seconds(value, 31 * 86_400)),
            "keys_trusted_seconds": (3600.0, lambda value: _seconds(value, 31 * 86_400)),
        }
        self.only(table, where, set(readers))
        for name in ("issuer", "audience", "user_id_prefix"):
            if name not in table:
                self.wrong.append(f"{where}: {name} is missing" + _WHY.get(name, ""))
        if bool(table.get("jwks_url")) == bool(table.get("jwks_file")):
            self.wrong.append(f"{where}: give either jwks_url or jwks_file")
        if not table.get("roles") and not table.get("default_role"):
            self.wrong.append(f"{where}: without roles and default_role nobody is let in")
        return Issuer(
            **{name: self.take(table, where, name, default, read) for name, (default, read) in readers.items()}
        )

    def certificate(self, table: dict[str, Any], where: str) -> tuple[Name, Caller]:
        self.only(table, where, {"uri", "dns", "user_id", "username", "role", "grants"})
        kinds = [kind for kind in ("uri", "dns") if kind in table]
        if len(kinds) != 1:
            self.wrong.append(f"{where}: give either uri or dns, a name in the certificate")
        kind = (kinds or ["uri"])[0]
        value = self.take(table, where, kind, "", _text)
        user_id = self.take(table, where, "user_id", REQUIRED, _text)
        role = self.take(table, where, "role", REQUIRED, _role)
        caller = Caller(
            owner=Owner(user_id, self.take(table, where, "username", table.get("user_id", ""), _text)),
            role=role,
            token_id=f"certificate:{value}",
            grants=self.take(table, where, "grants", DEFAULT_GRANTS.get(role, frozenset()), _grants),
            kind=CallerKind.CERTIFICATE,
        )
        return Name(kind, value.lower() if kind == "dns" else value), caller


_WHY = {
    "user_id_prefix": '; with "" its users are those of the same id that tokens have',
    "audience": "; else a token for another service would do here",
}


def _text(value: Any) -> str:
    if not isinstance(value, str) or not is_plain(value):
        raise ValueError("must be a text of visible characters")
    return value


def _prefix(value: Any) -> str:
    return value if value == "" else _text(value)


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError("must not be empty")
    return tuple(_text(each) for each in values)


#: A path to a claim, `["realm_access", "roles"]`, or the name of one.
_path = _texts


def _algorithms(value: Any) -> tuple[str, ...]:
    found = _texts(value)
    if set(found) - _KNOWN_ALGORITHMS:
        raise ValueError(f"may have {', '.join(sorted(_KNOWN_ALGORITHMS))}, which need a public key, and no others")
    return found


def _jwks_url(value: Any) -> str:
    url = urlsplit(_text(value))
    if url.username or url.password or not url.hostname or url.port == 0:
        raise ValueError("must be a URL with a host and without a user")
    if url.scheme != "https" and not (url.scheme == "http" and is_local(url.hostname)):
        raise ValueError("must begin with https://, since whoever can change the keys can be anybody")
    return str(value)


def _role(value: Any) -> Role:
    if value not in list(Role):
        raise ValueError(f"must be one of {', '.join(Role)}")
    return Role(value)


def _roles(value: Any) -> dict[str, Role]:
    return {name: _role(role) for name, role in _table(value).items()}


def _grants(value: Any) -> frozenset[Grant]:
    if not isinstance(value, list) or any(each not in list(Grant) for each in value):
        raise ValueError(f"must be a list of {', '.join(Grant)}")
    return frozenset(map(Grant, value))


def _grants_by_value(value: Any) -> dict[str, frozenset[Grant]]:
    return {name: _grants(grants) for name, grants in _table(value).items()}


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("must be a table")
    return value


def _seconds(value: Any, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise ValueError(f"must be seconds, from 0 to {most:g}")
    return float(value)
