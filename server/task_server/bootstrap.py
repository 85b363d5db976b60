"""The composition root: each process is put together here, run until SIGTERM or SIGINT, and drained."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from task_server import config
from task_server.config import Settings
from task_server.domain.errors import DatabaseUnavailable
from task_server.tls import plaintext

if TYPE_CHECKING:
    from task_server.auth.further_ways import FurtherWays
    from task_server.auth.tokens import Tokens
    from task_server.domain.clock import Micros
    from task_server.domain.owner import Grant
    from task_server.metrics.reading import Source
    from task_server.sealing.sealer import Sealer
    from task_server.store.database import Database
    from task_server.usecases.sealing import Resealed

T = TypeVar("T")


#: Threads that check what is to be created. Code is compiled in a child process meanwhile.
_CHECK_THREADS = 2
#: However often the metrics are scraped, the database is asked for them no more often than this.
_GAUGE_SECONDS = 5.0


class StartError(Exception):
    """A process can not start. The message is one line that says why and what to do."""


def run_server(settings: Settings) -> int:
    """Serve gRPC. Raises StartError."""
    # What gRPC's core would write to standard error, of a port in use for example, comes as an exception too, and in our words.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    plaintext.check_listener(settings, "grpc_address")
    database = _present_database(settings)
    return asyncio.run(_serve(settings, database, _sealer(settings, database)))


async def _serve(settings: Settings, database: Database, sealer: Sealer) -> int:
    from task_server.api.admin_service import AdminService
    from task_server.api.execution_service import ExecutionService
    from task_server.api.refusals import Refusals
    from task_server.api.request_digest import RequestDigests
    from task_server.api.server import AddressInUseError, ApiServer
    from task_server.api.task_draft import Drafts
    from task_server.api.task_service import TaskService
    from task_server.api.task_update import TaskUpdates
    from task_server.api.threads import Threads
    from task_server.api.validation.listing import PageTokens
    from task_server.api.validation.secrets import SecretTaker
    from task_server.api.validation.task import TaskValidator
    from task_server.api.watch import Watchers
    from task_server.api.watch_stream import WatchStream, WatchTokens
    from task_server.auth.authenticator import Authenticator
    from task_server.auth.last_use import LastUses
    from task_server.auth.tokens import Tokens
    from task_server.domain.process import ProcessRole
    from task_server.notifier.bell import Topic
    from task_server.sandbox.checker import CodeChecker
    from task_server.sealing.fingerprints import Fingerprints
    from task_server.tls.certificate import CertificateError
    from task_server.usecases.auditing import Auditing
    from task_server.usecases.executions import Executions
    from task_server.usecases.explaining import Explaining
    from task_server.usecases.pausing import Pausing
    from task_server.usecases.ports import connect
    from task_server.usecases.presence import Presence, this_process
    from task_server.usecases.registering import Registering
    from task_server.usecases.stopping import Stopping
    from task_server.usecases.system_status import SystemStatuses
    from task_server.usecases.tasks import Tasks
    from task_server.usecases.token_admin import TokenAdmin
    from task_server.usecases.updating import Updating
    from task_server.usecases.watching import Watching

    secret_key, *former_keys = _secret_keys(settings)
    ports = connect(settings, database)
    threads, checks = Threads(settings.database_threads), Threads(_CHECK_THREADS)
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
    last_uses = LastUses(database)
    tokens = Tokens(database, secret_key, former_keys)
    further = _further_ways(settings)
    authenticator = Authenticator([tokens, *(further.ways if further else ())], last_uses.note)
    auditing = Auditing(database)
    servicers: dict[str, object] = {
        "TaskService": TaskService(
            tasks=Tasks(ports),
            explaining=Explaining(ports),
            stopping=Stopping(ports),
            pausing=Pausing(ports),
            updates=TaskUpdates(updating=Updating(ports), drafts=drafts, threads=threads, checks=checks),
            drafts=drafts,
            digests=RequestDigests(secret_key),
            watch=WatchStream(watching, watchers, threads, watch_tokens),
            watchers=watchers,
            watch_tokens=watch_tokens,
            page_tokens=page_tokens,
            threads=threads,
            checks=checks,
            stop_wait_seconds=settings.stop_wait_seconds,
        ),
        "ExecutionService": ExecutionService(
            executions=Executions(ports),
            registering=Registering(ports),
            watch_tokens=watch_tokens,
            page_tokens=page_tokens,
            threads=threads,
            watchers=watchers,
        ),
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
    stop = _stop_event(loop)
    try:
        await server.start()
    except (AddressInUseError, CertificateError) as error:
        raise StartError(str(error)) from error

    def rung(_: str) -> None:
        loop.call_soon_threadsafe(watchers.rung)

    presence = Presence(database, this_process(ProcessRole.SERVER))
    with ports.bell.listen(Topic.EVENTS, rung), _metrics(settings):
        presence.start()
        await server.serve(stop, presence.close)
    threads.close()
    checks.close()
    checker.close()
    if further:
        further.close()
    ports.close()
    return 0


def run_gateway(settings: Settings) -> int:
    """Serve REST. Raises StartError."""
    from task_server.gateway.app import create_app
    from task_server.gateway.options import GatewayOptions
    from task_server.gateway.server import bind, serve
    from task_server.tls.certificate import CertificateError, CertificateFiles
    from task_server.tls.listener import http_context
    from task_server.tls.server_trust import ServerTrust

    plaintext.check_listener(settings, "http_address")
    target = settings.gateway_target or settings.grpc_address
    try:
        certificate, trust = CertificateFiles.of(settings), ServerTrust.of(settings, target)
    except CertificateError as error:
        raise StartError(str(error)) from error
    host, _, port = settings.http_address.rpartition(":")
    try:
        listener = bind(host.strip("[]"), int(port))
    except OSError as error:
        raise StartError(
            f"the HTTP address {settings.http_address} can not be listened on: {error.strerror}"
        ) from error

    async def run() -> None:
        app = create_app(target, GatewayOptions(), trust=trust)
        context = http_context(certificate) if certificate else None
        await serve(app, listener, _stop_event(asyncio.get_running_loop()), tls=context)

    with _metrics(settings):
        asyncio.run(run())
    return 0


def run_worker(settings: Settings) -> int:
    """Serve the queues. Raises StartError."""
    os.environ.update(config.environment(settings))
    _sealer(settings, _present_database(settings))
    from task_server.worker.app import app
    from task_server.worker.runtime import make_executors

    try:
        make_executors(settings).close()
    except ValueError as error:
        raise StartError(str(error)) from error
    concurrency = settings.worker_concurrency or 4 * (os.cpu_count() or 1)
    arguments = [
        "--quiet",
        "worker",
        f"--concurrency={concurrency}",
        f"--hostname=worker-{os.getpid()}@%h",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]
    try:
        app.start(argv=arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def run_scheduler(settings: Settings) -> int:
    """Look at the clock. Raises StartError."""
    from task_server.dispatch.celery_app import make_app
    from task_server.dispatch.publisher import CeleryPublisher
    from task_server.domain.process import ProcessRole
    from task_server.metrics.reading import remembered
    from task_server.scheduler.cleaner import Cleaner
    from task_server.scheduler.scheduler import Scheduler
    from task_server.usecases.calling import Calling
    from task_server.usecases.cleaning import Cleaning, configured_retention
    from task_server.usecases.expiring import Expiring
    from task_server.usecases.firing import Firing
    from task_server.usecases.gauging import Gauging
    from task_server.usecases.ports import connect
    from task_server.usecases.presence import Presence, this_process
    from task_server.usecases.publishing import Publishing
    from task_server.usecases.rescuing import Rescuing

    database = _present_database(settings)
    ports = connect(settings, database)
    publisher = CeleryPublisher(make_app(settings))
    scheduler = Scheduler(
        database=database,
        firing=Firing(ports),
        publishing=Publishing(ports, publisher),
        rescuing=Rescuing(ports, settings.max_lost_attempts),
        expiring=Expiring(ports),
        calling=Calling(ports),
        interval_seconds=settings.scheduler_interval_seconds,
    )
    # A handler may not take the lock that the loop may hold; the queue's `put` may interrupt anything.
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.put(number))

    def obey() -> None:
        asked.get()
        scheduler.stop()

    threading.Thread(target=obey, name="signals", daemon=True).start()
    cleaner = Cleaner(Cleaning(ports, configured_retention(settings)), settings.clean_interval_seconds)
    cleaner.start()
    presence = Presence(database, this_process(ProcessRole.SCHEDULER))
    presence.start()
    readings = remembered(Gauging(database).readings, _GAUGE_SECONDS)
    with _metrics(settings, readings):
        scheduler.run(ports.bell)
    presence.close()
    cleaner.stop()
    publisher.close()
    ports.close()
    return 0


@contextlib.contextmanager
def _metrics(settings: Settings, *sources: Source) -> Iterator[None]:
    """Serve the metrics of this process while the block runs, if it shall. Raises StartError."""
    from task_server.metrics.serving import MetricsAddressError, served

    with contextlib.ExitStack() as serving:
        try:
            serving.enter_context(served(settings, *sources))
        except MetricsAddressError as error:
            raise StartError(str(error)) from error
        yield


def migrate(settings: Settings) -> int:
    """Bring the database to the present tables and return their version. Raises StartError."""
    from task_server.store.migrator import NewerSchemaError
    from task_server.store.migrator import migrate as migrate_database

    database = _database(settings)
    try:
        return migrate_database(database)
    except NewerSchemaError as error:
        raise StartError(str(error)) from error
    except DatabaseUnavailable as error:
        raise StartError(_unreachable(settings, error)) from error
    finally:
        database.close()


def check_health(settings: Settings, service: str = "") -> str:
    """What the server at `grpc_address` says of a service: SERVING, NOT_SERVING, SERVICE_UNKNOWN or UNREACHABLE."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    from task_server.tls.certificate import CertificateError
    from task_server.tls.server_trust import ServerTrust

    address = settings.grpc_address
    try:
        trust = ServerTrust.of(replace(settings, gateway_target=""), address)
    except CertificateError as error:
        raise StartError(str(error)) from error
    with (
        grpc.secure_channel(address, trust.credentials(), trust.options)
        if trust
        else grpc.insecure_channel(address) as channel
    ):
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=service), timeout=3
            )
        except grpc.RpcError as error:
            return "SERVICE_UNKNOWN" if error.code() is grpc.StatusCode.NOT_FOUND else "UNREACHABLE"
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def create_token(
    settings: Settings,
    *,
    user_id: str,
    username: str,
    role: str,
    grants: Sequence[Grant] | None = None,
    name: str = "",
    expires_at: Micros | None = None,
    expires_in: float | None = None,
) -> str:
    """Make a token and return its key; it expires at a time, or in so many seconds. Raises StartError."""
    from task_server.domain.clock import seconds
    from task_server.domain.owner import Owner, Role
    from task_server.store import tokens as rows
    from task_server.usecases import auditing
    from task_server.usecases.token_admin import described

    def create(database: Database, tokens: Tokens) -> str:
        with database.write():
            now = database.now()
            end = expires_at if expires_in is None else now + seconds(expires_in)
            owner = Owner(user_id, username)
            key, token = tokens.make(owner, Role(role), now, grants=grants, name=name, expires_at=end)
            rows.insert(token)
            auditing.note_command("task-server token create", token.id, now, described(token))
        return key

    return _tokens(settings, create)


def list_tokens(settings: Settings) -> list[dict[str, Any]]:
    """All tokens, newest first, as they may be shown: without even the hashes of their secrets. Raises StartError."""
    from task_server.domain.clock import iso
    from task_server.store import tokens as rows

    def describe(token: rows.StoredToken, now: Micros) -> dict[str, Any]:
        return {
            "id": token.id,
            "user": token.owner.id,
            "username": token.owner.username,
            "role": token.role.value,
            "grants": sorted(token.grants),
            "name": token.name,
            "created_at": iso(token.created_at),
            "expires_at": iso(token.expires_at),
            "last_used_at": iso(token.last_used_at),
            "revoked_at": iso(token.revoked_at),
            "state": "works" if token.works_at(now) else "expired" if token.revoked_at is None else "revoked",
        }

    def find(database: Database, _: Tokens) -> list[dict[str, Any]]:
        with database.read():
            now = database.now()
            return [describe(token, now) for token in rows.everything()]

    return _tokens(settings, find)


def revoke_token(settings: Settings, token_id: str) -> bool:
    """End a token; False when there is none with that id. Raises StartError."""
    from task_server.store import tokens as rows
    from task_server.usecases import auditing
    from task_server.usecases.token_admin import described

    def revoke(database: Database, _: Tokens) -> bool:
        with database.write():
            now, found = database.now(), rows.get(token_id)
            if found is not None and rows.revoke(token_id, now):
                auditing.note_command("task-server token revoke", token_id, now, described(found))
        return found is not None

    return _tokens(settings, revoke)


def has_tokens(settings: Settings) -> bool:
    """Whether any token was ever made. Raises StartError."""
    return _tokens(settings, lambda _, tokens: tokens.exist())


def make_sealing_key(settings: Settings) -> None:
    """Make the key file of the data directory, unless one is there or the settings name other keys. Raises StartError."""
    from task_server.sealing.key_source import make_key_file
    from task_server.sealing.keys import SealingKeyError

    if settings.sealing_key_file or settings.sealing_keys:
        return
    try:
        make_key_file(settings.sealing_key_path)
    except SealingKeyError as error:
        raise StartError(str(error)) from error


def rotate_sealing_key(settings: Settings) -> str:
    """Put a new key before the others in the key file and return its id. Raises StartError."""
    from task_server.sealing.key_source import add_first_key
    from task_server.sealing.keys import SealingKeyError

    if settings.sealing_keys:
        raise StartError("the keys are in sealing_keys, which only you can change; put a new one before them")
    try:
        return add_first_key(settings.sealing_key_path)
    except SealingKeyError as error:
        raise StartError(str(error)) from error


def reseal(settings: Settings) -> tuple[Resealed, dict[str, int]]:
    """Seal everything with the first key; return what was done, and how many there are now by key. Raises StartError."""
    from task_server.domain.errors import SealingUnavailable
    from task_server.usecases.sealing import Sealing

    database = _present_database(settings)
    try:
        sealing = Sealing(database, _configured_sealer(settings))
        return sealing.reseal(), sealing.counts()
    except SealingUnavailable as error:
        raise StartError(f"there is no key: set sealing_key_file, or make {settings.sealing_key_path}") from error
    except DatabaseUnavailable as error:
        raise StartError(_unreachable(settings, error)) from error
    finally:
        database.close()


def _configured_sealer(settings: Settings) -> Sealer:
    from task_server.sealing.configured import configured_sealer
    from task_server.sealing.keys import SealingKeyError

    try:
        return configured_sealer(settings)
    except SealingKeyError as error:
        raise StartError(str(error)) from error


def _sealer(settings: Settings, database: Database) -> Sealer:
    """What seals and opens the secrets; it has the keys of all that are stored."""
    from task_server.usecases.sealing import Sealing

    sealer = _configured_sealer(settings)
    missing = Sealing(database, sealer).missing_keys()
    if missing:
        raise StartError(
            f"{sum(missing.values())} stored secrets are sealed with keys that are not here ({', '.join(sorted(missing))}); "
            "add those to sealing_key_file"
        )
    return sealer


def _tokens(settings: Settings, use: Callable[[Database, Tokens], T]) -> T:
    from task_server.auth.tokens import Tokens

    database = _present_database(settings)
    try:
        secret_key, *former_keys = _secret_keys(settings)
        return use(database, Tokens(database, secret_key, former_keys))
    except DatabaseUnavailable as error:
        raise StartError(_unreachable(settings, error)) from error
    finally:
        database.close()


def _database(settings: Settings) -> Database:
    from task_server.store.database import Database

    database = Database.of(settings)
    if database.is_sqlite and not database.path.parent.is_dir():
        raise StartError(f"the folder {database.path.parent} of the database does not exist; make it, or set data_dir")
    return database


def _present_database(settings: Settings) -> Database:
    """The database, known to answer and to have the present tables; and the settings that are read with it can be."""
    from task_server.usecases.ports import configured_limits

    try:
        configured_limits(settings)
    except ValueError as error:
        raise StartError(str(error)) from error
    from task_server.store.migrator import NewerSchemaError, check_schema

    database = _database(settings)
    try:
        if not check_schema(database):
            raise StartError("the database has not the present tables; run: task-server migrate")
    except NewerSchemaError as error:
        raise StartError(str(error)) from error
    except DatabaseUnavailable as error:
        raise StartError(_unreachable(settings, error)) from error
    return database


def _unreachable(settings: Settings, error: DatabaseUnavailable) -> str:
    kind = "SQLite" if settings.database.startswith("sqlite") else "PostgreSQL"
    reason = str(error.__cause__).strip().splitlines()
    return f"the {kind} database does not answer: {reason[0] if reason else 'no reason given'}"


def _secret_keys(settings: Settings) -> list[bytes]:
    from task_server.auth.secret_key import SecretKeyError, load_or_create

    try:
        return load_or_create(Path(settings.secret_key_path))
    except SecretKeyError as error:
        raise StartError(str(error)) from error


def _further_ways(settings: Settings) -> FurtherWays | None:
    """The ways in beside tokens, None where no file names any. Raises ConfigError."""
    if not settings.callers_file:
        return None
    # Their libraries are loaded only where they are used.
    from task_server.auth.further_ways import FurtherWays

    return FurtherWays(Path(settings.callers_file))


def _stop_event(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
