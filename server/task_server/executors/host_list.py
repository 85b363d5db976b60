"""Hosts that the operator names: single ones, and all that are below a name."""

from __future__ import annotations

from collections.abc import Iterable

from task_server.executors.request_rules import BadUrl, is_address, read_host


class HostList:
    """Names as URLs have them, `*.example.com` for all names below example.com (not for itself), and addresses.

    Raises ValueError for an entry that is no host.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._exact: set[str] = set()
        self._below: set[str] = set()
        for entry in entries:
            name = entry.strip()
            below = name.startswith("*.")
            try:
                host = read_host(name.removeprefix("*."))
            except BadUrl as error:
                message = f"{entry!r} is no host: {error}"
                raise ValueError(message) from None
            if below and is_address(host):
                message = f"{entry!r} is no host: there are no names below an address"
                raise ValueError(message)
            (self._below if below else self._exact).add(host.removesuffix("."))

    @property
    def addresses(self) -> list[str]:
        """The entries that are addresses and no names."""
        return sorted(filter(is_address, self._exact))

    def __contains__(self, host: str) -> bool:
        """Whether a host, as `Target` has it, is named or below a name."""
        name = host.removesuffix(".")
        if name in self._exact:
            return True
        labels = name.split(".")
        return any(".".join(labels[start:]) in self._below for start in range(1, len(labels)))
