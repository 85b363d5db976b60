"""What a kind of job needs of the system, and so what its children are left with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from task_server.sandbox import namespaces
from task_server.sandbox.architecture import this_machine
from task_server.sandbox.landlock import Ruleset
from task_server.sandbox.level import PROCESS_LAYERS, STRICT_LAYERS
from task_server.sandbox.seccomp import Filter
from task_server.sandbox.system_calls import CODE, NETWORK, Allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What children of one runner may do."""

    #: The calls that they may make.
    calls: Sequence[Allowed]
    #: The files that they may read.
    readable: tuple[str, ...] = ()
    #: Whether they open connections. If not, they get namespaces of their own, without a network and without files.
    connects: bool = False
    #: The layers without which no job runs, unless it is lenient.
    required: frozenset[str]


#: For the code of people whom nobody knows.
CODE_PROFILE = Profile(calls=CODE, required=STRICT_LAYERS)

#: For code of ours that talks to servers which nobody knows. It needs the machine's network and the resolver's files; the
#: certificates are loaded before.
NETWORK_PROFILE = Profile(
    calls=NETWORK,
    readable=(
        "/etc/resolv.conf",
        "/etc/hosts",
        "/etc/nsswitch.conf",
        "/etc/gai.conf",
        "/etc/host.conf",
        "/etc/services",
    ),
    connects=True,
    required=PROCESS_LAYERS | {"no_new_privs"},
)

#: What a job that is run leniently is not run without.
LENIENT = PROCESS_LAYERS


class Confinement:
    """A profile made ready for this machine, once, before the forks.

    Parameters:
        separate: whether to enter namespaces where the kernel allows it and the profile needs no network.
        proc: see `namespaces.enter`.
    """

    def __init__(self, profile: Profile, proc: int, *, separate: bool) -> None:
        self.required = profile.required
        machine = this_machine()
        #: None where no table of calls is written for the processor.
        self.filter = None if machine is None else Filter(profile.calls, machine)
        self.ruleset = Ruleset(readable=profile.readable, connects=profile.connects)
        #: The layers that hold already, for all children.
        self.held = tuple(namespaces.enter(proc)) if separate and not profile.connects else ()
