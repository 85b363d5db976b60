"""The gRPC server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from task_server.api.admin_service import AdminService
from task_server.api.execution_service import ExecutionService
from task_server.api.lock_service import LockService
from task_server.api.refusals import Refusals
from task_server.api.request_digest import RequestDigests
from task_server.api.reruns import RerunCalls
from task_server.api.searches import Searches
from task_server.api.server import AddressInUseError, ApiServer, ServerEndedError
from task_server.api.shares import Shares
from task_server.api.task_batch import TaskBatches
from task_server.api.task_draft import Drafts
from task_server.api.task_service import TaskService
from task_server.api.task_update import TaskUpdates
from task_server.api.threads import Threads
from task_server.api.tracked_runs import TrackedRuns
from task_server.api.validation.listing import PageTokens
from task_server.api.validation.secrets import SecretTaker
from task_server.api.validation.task import TaskValidator
from task_server.api.watch import Watchers
from task_server.api.watch_stream import WatchStream, WatchTokens
from task_server.auth.authenticator import Authenticator
from task_server.auth.last_use import LastUses
from task_server.auth.tokens import Tokens
from task_server.bootstrap.database import present_database
from task_server.bootstrap.errors import StartError
from task_server.bootstrap.keys import complete_sealer, secret_keys
from task_server.bootstrap.metrics import serving_metrics
from task_server.bootstrap.signals import stop_event
from task_server.config import Settings
from task_server.domain.process import ProcessRole
from task_server.notifier.bell import Topic
from task_server.sandbox.checker import CodeChecker
from task_server.sealing.fingerprints import Fingerprints
from task_server.sealing.sealer import Sealer
from task_server.store.database import Database
from task_server.tls import plaintext
from task_server.tls.certificate import CertificateError
from task_server.tracking.backends import ConfiguredBackends
from task_server.tracking.configured import read_apps
from task_server.usecases.auditing import Auditing
from task_server.usecases.batching import Batching
from task_server.usecases.execution_stats import ExecutionStatistics
from task_server.usecases.executions import Executions
from task_server.usecases.explaining import Explaining
from task_server.usecases.locking import Locking
from task_server.usecases.observing import Observing
from task_server.usecases.pausing import Pausing
from task_server.usecases.ports import connect
from task_server.usecases.presence import Presence, this_process
from task_server.usecases.registering import Registering
from task_server.usecases.rerunning import Rerunning
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.stopping import Stopping
from task_server.usecases.syncing import Syncing
from task_server.usecases.system_status import SystemStatuses
from task_server.usecases.tasks import Tasks
from task_server.usecases.token_admin import TokenAdmin
from task_server.usecases.updating import Updating
from task_server.usecases.watching import Watching

if TYPE_CHECKING:
    from task_server.auth.further_ways import FurtherWays

#: Threads that check what is to be created. Code is compiled in a child process meanwhile.
_CHECK_THREADS = 2
#: Threads that ask result backends of other apps.
_LOOKUP_THREADS = 4


def run(settings: Settings) -> int:
    """Serve gRPC. Raises StartError."""
    plaintext.check_listener(settings, "grpc_address")
    database = present_database(settings)
    return asyncio.run(_serve(settings, database, complete_sealer(settings, database)))


async def _serve(settings: Settings, database: Database, sealer: Sealer) -> int:
    secret_key, *former_keys = secret_keys(settings)
    ports = connect(settings, database)
    threads, checks = Threads(settings.database_threads), Threads(_CHECK_THREADS)
    searches = Searches(threads)
    backends, lookup_threads = ConfiguredBackends(read_apps(settings)), Threads(_LOOKUP_THREADS)
    lookups = Shares(lookup_threads, _LOOKUP_THREADS, _LOOKUP_THREADS // 2)
    watching = Watching(ports)
    watchers = Watchers(watching, threads)
    watch_tokens, page_tokens = WatchTokens(secret_key, former_keys), PageTokens(secret_key, former_keys)
    checker = CodeChecker(lenient=settings.allow_unsandboxed_code, separate=settings.sandbox_namespaces != "off")
    drafts = Drafts(
        TaskValidator(
            checker.check, checker.check_patterns, settings.default_timeout_seconds, settings.max_timeout_seconds
        ),
        SecretTaker(Fingerprints(secret_key)),
        sealer,
    )
    digests = RequestDigests(secret_key)
    last_uses = LastUses(database)
    tokens = Tokens(database, secret_key, former_keys)
    further = _further_ways(settings)
    authenticator = Authenticator([tokens, *(further.ways if further else ())], last_uses.note)
    auditing, rerunning = Auditing(database), Rerunning(ports)
    servicers: dict[str, object] = {
        "TaskService": TaskService(
            tasks=Tasks(ports),
            explaining=Explaining(ports),
            stopping=Stopping(ports),
            pausing=Pausing(ports),
            rescuing=Rescuing(ports, settings.max_lost_attempts),
            rerunning=rerunning,
            batches=TaskBatches(
                batching=Batching(ports), drafts=drafts, digests=digests, threads=threads, checks=checks
            ),
            updates=TaskUpdates(updating=Updating(ports), drafts=drafts, threads=threads, checks=checks),
            drafts=drafts,
            digests=digests,
            watch=WatchStream(watching, watchers, threads, watch_tokens),
            watchers=watchers,
            watch_tokens=watch_tokens,
            page_tokens=page_tokens,
            threads=threads,
            searches=searches,
            checks=checks,
            stop_wait_seconds=settings.stop_wait_seconds,
        ),
        "ExecutionService": ExecutionService(
            executions=Executions(ports),
            statistics=ExecutionStatistics(ports),
            tracked_runs=TrackedRuns(Registering(ports), Observing(ports)),
            syncing=Syncing(ports, Observing(ports), backends),
            reruns=RerunCalls(rerunning, digests, threads, searches),
            watch_tokens=watch_tokens,
            page_tokens=page_tokens,
            threads=threads,
            searches=searches,
            lookups=lookups,
            watchers=watchers,
        ),
        "LockService": LockService(locking=Locking(ports), threads=threads),
        "AdminService": AdminService(
            token_admin=TokenAdmin(database, tokens, authenticator),
            auditing=auditing,
            statuses=SystemStatuses(database),
            page_tokens=page_tokens,
            threads=threads,
        ),
    }
    server = ApiServer(
        settings,
        servicers=servicers,
        authenticator=authenticator,
        last_uses=last_uses,
        refusals=Refusals(auditing, threads),
        threads=threads,
        watchers=watchers,
        database=database,
    )
    loop = asyncio.get_running_loop()
    stop = stop_event(loop)
    try:
        await server.start()
    except (AddressInUseError, CertificateError) as error:
        raise StartError(str(error)) from error

    def rung(_: str) -> None:
        loop.call_soon_threadsafe(watchers.rung)

    presence = Presence(database, this_process(ProcessRole.SERVER))
    with ports.bell.listen(Topic.EVENTS, rung), serving_metrics(settings):
        presence.start()
        try:
            await server.serve(stop, presence.close)
        except ServerEndedError as error:
            raise StartError(str(error)) from error
    threads.close()
    checks.close()
    lookup_threads.close()
    backends.close()
    checker.close()
    if further:
        further.close()
    ports.close()
    return 0


def _further_ways(settings: Settings) -> FurtherWays | None:
    """The ways in beside tokens, None where no file names any. Raises ConfigError."""
    if not settings.callers_file:
        return None
    # Their libraries are loaded only where they are used.
    from task_server.auth.further_ways import FurtherWays

    return FurtherWays(Path(settings.callers_file))
