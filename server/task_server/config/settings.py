"""What can be set, each with its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from task_server.config.rules import violations


class ConfigError(Exception):
    """A setting is wrong. The message has one line per setting and says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Times are in seconds, sizes in bytes."""

    #: Where the embedded stack keeps its database, broker files and keys.
    data_dir: Path = Path(".task-manager")
    #: `sqlite:///path` (one machine) or `postgresql://user:password@host/name`. Empty means task-manager.db in `data_dir`.
    database_url: str = field(default="", repr=False)
    #: The Celery broker: `redis://host:port/0`, or `redis+socket:///path` for a Unix socket.
    broker_url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    #: The authorities that a broker at `rediss://` is trusted by, besides the machine's. Empty means the machine's alone.
    broker_ca_file: str = ""
    #: The certificate that such a broker is shown, and its key.
    broker_cert_file: str = ""
    broker_key_file: str = ""
    #: A file with the key that tokens are hashed and page tokens are signed with; the same for all servers. Empty means
    #: secret.key in `data_dir`, made at first use.
    secret_key_file: str = ""
    # Sealing of the secrets in tasks.
    #: A file with the keys that secrets of tasks are sealed with, one a line: the first seals, all open. Nobody but its owner may
    #: read it. Empty means sealing.key in `data_dir`, where there is one: `up` makes it at its first start.
    sealing_key_file: str = ""
    #: The keys themselves, where they come by the environment instead. For servers and workers.
    sealing_keys: tuple[str, ...] = field(default=(), repr=False)

    #: Where the gRPC server listens: host:port, or `unix:path`.
    grpc_address: str = "127.0.0.1:50051"
    #: Where the REST gateway listens.
    http_address: str = "127.0.0.1:8080"
    #: Where the gateway finds the gRPC server. Empty means `grpc_address`.
    gateway_target: str = ""
    # TLS of the two ports, and of the gateway's way to the server. Files are PEM, and read again when they change.
    #: The certificate that both ports show, with its chain, and its key. Empty means plain text, on this machine alone.
    tls_cert_file: str = ""
    tls_key_file: str = ""
    #: The authorities whose certificates callers of the gRPC port must have. Empty means that callers need none.
    tls_client_ca_file: str = ""
    #: Whether anything but loopback may go in plain text: both ports, the way to the server, broker and database.
    insecure: bool = False
    #: The authorities that gateway and health check trust the server by. Empty means those that gRPC brings.
    gateway_target_ca_file: str = ""
    #: The name that the server's certificate must have. Empty means the host of its address.
    gateway_target_name: str = ""
    #: The certificate that gateway and health check show the server, and its key. It gives the gateway's callers no rights.
    gateway_target_cert_file: str = ""
    gateway_target_key_file: str = ""

    #: A TOML file with the issuers of JSON Web Tokens and the client certificates that prove callers besides tokens. Empty: none.
    callers_file: str = ""

    #: Whether the server answers gRPC reflection, which grpcurl needs. The protos are public.
    reflection: bool = True
    #: The longest that one unary call may take, whatever deadline the caller gave.
    max_call_seconds: float = 30.0
    #: Calls and streams that one server serves at once; more are refused with RESOURCE_EXHAUSTED.
    max_concurrent_calls: int = 1000
    #: Threads, and so database connections, that the server's use cases run on.
    database_threads: int = 8

    #: How old a connection to the server may grow. Its streams then have 5 minutes to end, after which clients resume them on a new
    #: one. 0 means any age.
    max_connection_age_seconds: float = 1800.0

    # What one caller may ask of one server process; N servers allow N times as much. More is refused with RESOURCE_EXHAUSTED.
    #: Calls a second that one token may make on average. 0 means any number.
    rate_per_token: float = 1000.0
    #: Calls that one token may make at once, if it made few before.
    burst_per_token: int = 10_000
    #: Calls a second that all tokens of one owner may make on average. 0 means any number.
    rate_per_owner: float = 2000.0
    #: Calls that all tokens of one owner may make at once, if they made few before.
    burst_per_owner: int = 20_000
    #: Watches and followed logs that one token may have open. 0 means any number.
    max_streams_per_token: int = 250
    #: Watches and followed logs that all tokens of one owner may have open. 0 means any number.
    max_streams_per_owner: int = 500
    #: Calls a second with a wrong token that one address may make on average. 0 means any number.
    rate_per_failing_peer: float = 1.0
    #: Calls with a wrong token that one address may make at once.
    burst_per_failing_peer: int = 100
    #: Networks of gateways and reverse proxies, whose word in `x-forwarded-for` is believed about who failed to authenticate.
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8", "::1/128")

    #: Runs that one worker process has at once. 0 means four per processor: the work is in children, the threads only wait.
    worker_concurrency: int = 0
    #: The queues that the worker serves.
    worker_queues: tuple[str, ...] = ("default",)
    #: How long a claimed run belongs to its worker without being renewed.
    lease_seconds: float = 30.0
    #: How often a worker renews its leases.
    heartbeat_seconds: float = 5.0
    #: How often a worker that has runs asks the database for stops, in case the broker did not ring.
    stop_poll_seconds: float = 0.5
    #: How long a stopped child may take to end by itself after SIGTERM, before SIGKILL.
    stop_grace_seconds: float = 1.0
    #: How long runs may go on after SIGTERM to the worker, before they are ended and given back to the queue; and calls after
    #: SIGTERM to the server, before they are cancelled.
    drain_seconds: float = 10.0
    #: How often a run may lose its worker, or the process that runs are forked from, before it ends in FAILURE.
    max_lost_attempts: int = 3

    #: `timeout` of a task that gives none.
    default_timeout_seconds: float = 300.0
    #: The largest `timeout` a task may give.
    max_timeout_seconds: float = 3600.0
    #: Memory of one code run.
    run_memory_bytes: int = 256 * 1024 * 1024
    #: What one run may print.
    run_output_bytes: int = 1024 * 1024
    #: Whether code also runs where the self-test of a worker finds that its cage does not hold. Each hour of it is an ERROR.
    allow_unsandboxed_code: bool = False
    #: `auto`: processes for code live in namespaces of their own where the kernel allows it, which costs a run nothing. `off`: not.
    sandbox_namespaces: str = "auto"
    # Where API tasks may go (docs/operations.md, "Where API tasks may go").
    #: Networks that API tasks may call although they are not public, as `10.1.0.0/16` or `127.0.0.0/8`; `=*` or `=8000+9000` behind
    #: one opens it on all or other ports than the usual ones. Empty means none.
    egress_allow: tuple[str, ...] = ()
    #: Networks that API tasks may not call, whatever else allows it.
    egress_deny: tuple[str, ...] = ()
    #: The only hosts that API tasks may call, as `api.example.com` or `*.example.com`, which is all below it. Empty means all. They
    #: open no network.
    egress_allow_hosts: tuple[str, ...] = ()
    #: Hosts that API tasks may not call, whatever else allows it.
    egress_deny_hosts: tuple[str, ...] = ()
    #: The usual ports: those that API tasks may call.
    egress_ports: tuple[int, ...] = (80, 443, 8080, 8443)
    #: A proxy that all API tasks go through by CONNECT, as `http://127.0.0.1:4750`; it looks names up and judges what it finds.
    #: Empty means none.
    egress_proxy: str = ""
    #: `user:password` for that proxy. Empty means none.
    egress_proxy_credentials: str = field(default="", repr=False)
    #: A PEM file with certificates that API tasks trust besides the machine's and Mozilla's. Empty means none.
    egress_ca_file: str = ""

    # What one owner may have at once, all servers together. More is refused with RESOURCE_EXHAUSTED; but what would run waits.
    #: Tasks that have not ended. 0 means any number.
    max_tasks_per_owner: int = 100_000
    #: Of those, the ones that go by cron. 0 means any number.
    max_schedules_per_owner: int = 10_000
    #: Executions that wait. 0 means any number.
    max_queued_per_owner: int = 100_000
    #: Executions that run. 0 means any number.
    max_running_per_owner: int = 0
    #: Bytes that the definitions of kept tasks take: code, arguments, headers, bodies. 0 means any number.
    max_source_bytes_per_owner: int = 16 * 1024**3
    #: Bytes of results, tracebacks, logs and arguments of kept executions. 0 means any number.
    max_result_bytes_per_owner: int = 16 * 1024**3
    #: Kept executions, beyond which no run of another Celery app is recorded any more. 0 means any number.
    max_executions_per_owner: int = 10_000_000
    #: Locks that are held, or have been within the last minutes. 0 means any number.
    max_locks_per_owner: int = 10_000
    #: Other numbers for some owners, by their ids: `li=tasks:5000+running:2`. There are tasks, schedules, queued, running,
    #: source_bytes, result_bytes, executions and locks, and what is left out is as above.
    quotas: tuple[str, ...] = ()
    #: What may run of a queue at once, and start in a while, all workers together: `reports=concurrency:4+rate:100/60`, where
    #: the rate is starts in so many seconds. Either may be left out.
    queue_limits: tuple[str, ...] = ()

    #: How often the scheduler looks for what is due, and how late a firing may so be.
    scheduler_interval_seconds: float = 1.0
    #: How long a publisher may take until the scheduler publishes the run again.
    republish_after_seconds: float = 5.0

    #: How long an execution is kept after its end, and a task after its own: so long, too, a `request_id` is remembered. 0 means
    #: for ever.
    retain_executions_seconds: float = 30 * 86_400.0
    #: How many executions of one task are kept, the newest. 0 means all.
    retain_executions_per_task: int = 1000
    #: How long the text that an execution printed is kept after its end, at most as long as the execution. 0 means as long.
    retain_logs_seconds: float = 7 * 86_400.0
    #: How long changes are kept, and so how old a watch token may be. 0 means for ever.
    retain_events_seconds: float = 7 * 86_400.0
    #: How many changes are kept, the newest. 0 means all.
    retain_events: int = 1_000_000
    #: How long the audit log is kept: at least 30 days, or 0 for ever.
    retain_audit_seconds: float = 365 * 86_400.0
    #: How often the scheduler looks for what is kept no longer.
    clean_interval_seconds: float = 60.0

    # Other Celery apps (docs/operations.md, "Tracking other Celery apps").
    #: A TOML file with the apps whose events and results are followed, for server and tracker. Empty means none.
    tracked_apps_file: str = ""
    #: How long nobody may have seen a run of another app until it is ended as OUTCOME_UNKNOWN: longer than such runs take, and than
    #: their result backend keeps results. 0 means never.
    tracking_vanished_after_seconds: float = 7 * 86_400.0

    #: Where each process serves its metrics: host:port. Under `up` that is the server's, and gateway, worker, scheduler and tracker
    #: have the ports after it. Port 0 means a free one each. Empty means nowhere, and nothing is counted.
    metrics_address: str = ""

    #: DEBUG, INFO, WARNING or ERROR.
    log_level: str = "INFO"
    #: `text` for people, `json` for collectors: one object a line.
    log_format: str = "text"

    def __post_init__(self) -> None:
        """Check each value and how they go together; raise ConfigError with all that is wrong."""
        if wrong := violations(self):
            raise ConfigError("\n".join(wrong))

    @property
    def stop_wait_seconds(self) -> float:
        """How long StopTask waits for a child to end: until its worker hears of it, the grace, and until the end is stored.

        Less where a call may not take so long: better to answer UNREACHABLE than nothing.
        """
        return min(self.stop_grace_seconds + 2 * self.stop_poll_seconds + 1.0, 0.8 * self.max_call_seconds)

    @property
    def database(self) -> str:
        """The database's URL, the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'task-manager.db'}"

    @property
    def secret_key_path(self) -> Path:
        """The secret key's file, the default filled in."""
        return Path(self.secret_key_file) if self.secret_key_file else self.data_dir / "secret.key"

    @property
    def sealing_key_path(self) -> Path:
        """The sealing keys' file, the default filled in."""
        return Path(self.sealing_key_file) if self.sealing_key_file else self.data_dir / "sealing.key"
