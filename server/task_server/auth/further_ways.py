"""The ways in beside tokens, as the operator's file of callers has them."""

from __future__ import annotations

from pathlib import Path

from task_server.auth.authenticator import WayIn
from task_server.auth.callers_file import read_callers
from task_server.auth.certificates import Certificates
from task_server.auth.json_web_tokens import JsonWebTokens
from task_server.auth.key_set import KeySetError
from task_server.config import ConfigError


class FurtherWays:
    """JSON Web Tokens and client certificates. The table of certificates is read again while it is used, the issuers are not."""

    def __init__(self, file: Path) -> None:
        """Read the file. Raises ConfigError."""
        issuers = read_callers(file).issuers
        try:
            self._tokens = JsonWebTokens(issuers)
        except KeySetError as error:
            raise ConfigError(f"callers_file {file}: {error}") from error
        self.ways: list[WayIn] = [self._tokens, Certificates(lambda: read_callers(file).certificates)]

    def close(self) -> None:
        """End what asks issuers for keys."""
        self._tokens.close()
