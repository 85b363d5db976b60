"""What TLS and JSON Web Tokens cost a call: `python -m benchmarks.transport`. GetTask in turns, so that all see one machine."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import grpc
import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from benchmarks.load import Call, median_seconds, rates_in_turns
from benchmarks.service import Service
from benchmarks.stack import Stack
from benchmarks.table import Goal, Measurement, render

_CALLERS = 16
_SECONDS = 12.0
_LATER = 3600.0
_CALLS_ALONE = 300


def main() -> int:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory(prefix="tm-bench-") as name:
        home = Path(name)
        key, callers = _issuer(home)
        authority = trustme.CA()
        server = authority.issue_cert("127.0.0.1")
        for file, blob in (
            ("ca", authority.cert_pem),
            ("cert", server.cert_chain_pems[0]),
            ("key", server.private_key_pem),
        ):
            blob.write_to_path(home / file)
        for part in ("plain", "tls"):
            (home / part).mkdir()
        tls = {"TLS_CERT_FILE": str(home / "cert"), "TLS_KEY_FILE": str(home / "key")}
        trust = {"GATEWAY_TARGET_CA_FILE": str(home / "ca")}
        with (
            Stack(home / "plain", CALLERS_FILE=str(callers)) as plain,
            Stack(home / "tls", **tls, **trust) as secure,
        ):
            credentials = grpc.ssl_channel_credentials((home / "ca").read_bytes())
            print(render(asyncio.run(_measure(plain, secure, credentials, key))))
    return 0


async def _measure(plain: Stack, secure: Stack, credentials: grpc.ChannelCredentials, key: Any) -> list[Measurement]:
    services = [
        Service(plain),
        Service(secure, credentials=credentials),
        Service(plain, bearer=_token(key)),
    ]
    calls = [await _get(service) for service in services]
    bare, over_tls, by_jwt = await rates_in_turns(calls, callers=_CALLERS, seconds=_SECONDS, turns=4)
    alone = [await median_seconds(call, times=_CALLS_ALONE) * 1000 for call in calls]
    for service in services:
        await service.close()
    return [
        Measurement(
            what=f"GetTask over TLS, {_CALLERS} callers",
            measured=over_tls,
            unit="/s",
            reference=bare,
            reference_is="/s in plain text",
            goal=Goal(bound=0.8, at_least=True, of_ratio=True),
            note=f"one after the other {alone[1]:.2f} ms, in plain text {alone[0]:.2f} ms",
        ),
        Measurement(
            what=f"GetTask by a JSON Web Token, {_CALLERS} callers",
            measured=by_jwt,
            unit="/s",
            reference=bare,
            reference_is="/s by a token",
            goal=Goal(bound=0.9, at_least=True, of_ratio=True),
            note=f"one after the other {alone[2]:.2f} ms, by a token {alone[0]:.2f} ms",
        ),
    ]


async def _get(service: Service) -> Call:
    task_id = (await service.create("later", _LATER)).task_id

    async def get() -> None:
        await service.get(task_id)

    return get


def _issuer(home: Path) -> tuple[Any, Path]:
    key = rsa.generate_private_key(65537, 2048)
    shown = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "k"}
    (home / "jwks.json").write_text(json.dumps({"keys": [shown]}))
    callers = home / "callers.toml"
    callers.write_text(
        '[[issuer]]\nissuer = "bench"\naudience = "bench"\nuser_id_prefix = ""\ndefault_role = "editor"\n'
        f'jwks_file = "{home / "jwks.json"}"\n'
    )
    return key, callers


def _token(key: Any) -> str:
    now = int(time.time())
    claims = {"iss": "bench", "aud": "bench", "sub": "bench", "iat": now, "exp": now + 3600}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k"})


if __name__ == "__main__":
    sys.exit(main())
