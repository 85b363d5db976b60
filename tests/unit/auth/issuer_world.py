"""An issuer with real keys, and the HTTP server on loopback that shows the public ones."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from task_server.auth.issuer import Issuer
from task_server.domain.owner import Role

ISSUER = "https://id.example.com/"
AUDIENCE = "task-manager"
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def public(key: Any, key_id: str | None, **more: Any) -> dict[str, Any]:
    """The public half as a JWK."""
    kinds = {
        rsa.RSAPrivateKey: RSAAlgorithm,
        ec.EllipticCurvePrivateKey: ECAlgorithm,
        ed25519.Ed25519PrivateKey: OKPAlgorithm,
    }
    algorithm = next(algorithm for kind, algorithm in kinds.items() if isinstance(key, kind))
    made: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)  # type: ignore[attr-defined]
    return made | ({"kid": key_id} if key_id else {}) | more


ALL_KEYS = [public(RSA, "rsa"), public(EC, "ec"), public(ED, "ed")]


class KeyServer:
    """Shows a JWK set; what it shows, how, and whether it answers at all can be changed."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = list(ALL_KEYS)
        self.status = 200
        self.location = ""
        self.raw: bytes | None = None
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()
        world = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                world.asked += 1
                world.gate.wait(20)
                body = world.raw if world.raw is not None else json.dumps({"keys": world.keys}).encode()
                self.send_response(world.status)
                if world.location:
                    self.send_header("Location", world.location)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/jwks"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def issuer(**changes: Any) -> Issuer:
    given: dict[str, Any] = {
        "issuer": ISSUER,
        "audience": (AUDIENCE,),
        "user_id_prefix": "example:",
        "roles": {"tasks-admin": Role.ADMIN, "tasks-editor": Role.EDITOR, "tasks-viewer": Role.VIEWER},
    }
    return Issuer(**given | changes)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    given: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "li",
        "preferred_username": "Li Hua",
        "roles": ["tasks-editor", "other"],
        "iat": now,
        "exp": now + 300,
    }
    return {name: value for name, value in (given | changes).items() if value is not ...}


def token(
    key: Any = RSA,
    algorithm: str = "RS256",
    key_id: str | None = "rsa",
    headers: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    """A token as the issuer makes them."""
    # Not `jwt.encode`, which makes no wrong ones.
    return jwt.api_jws.encode(
        json.dumps(claims(**changes)).encode(),
        key,
        algorithm=algorithm,
        headers=({"kid": key_id} if key_id else {}) | (headers or {}),
    )


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def signed(header: bytes, payload: bytes, key: Any = RSA) -> str:
    """A token whose parts are these bytes, whatever they are, with a signature of the issuer's that fits."""
    signing_input = f"{part(header)}.{part(payload)}"
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(signing_input.encode(), key)
    return f"{signing_input}.{part(signature)}"


def key_servers() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.close()
