"""The Celery app: a carrier of hints, with everything off that was seen to lose or double work.

Late ack, ETA, Celery's retries, result backend, revoke and remote control each lose or repeat work, or let whoever reaches the
broker steer the workers (celery #2481, #7009, #9082, #9882; kombu #337). The database does their work: a lost message is
published again by the scheduler, a doubled one finds nothing to claim.
"""

from __future__ import annotations

import os

from celery import Celery
from kombu.entity import Queue

from task_server.config import Settings
from task_server.dispatch import transport
from task_server.dispatch.connection import Messaging
from task_server.domain.task import DEFAULT_QUEUE
from task_server.tls.broker import broker_options
from task_server.tls.plaintext import check_broker

#: What Celery believes more than its app. Whoever runs other Celery apps on the machine has them set, for those.
_ENVIRONMENT = (
    "CELERY_BROKER_URL",
    "CELERY_BROKER_READ_URL",
    "CELERY_BROKER_WRITE_URL",
    "CELERY_RESULT_BACKEND",
    "CELERY_CONFIG_MODULE",
    "CELERY_LOADER",
)


def make_app(settings: Settings) -> Celery:
    """Return the Celery app for these settings. Nothing is connected yet.

    Raises ConfigError where the broker would be reached in plain text.
    """
    check_broker(settings)
    for name in _ENVIRONMENT:
        os.environ.pop(name, None)
    transport.register()
    app = Celery("task_manager", broker=settings.broker_url, amqp=Messaging)
    app.conf.update(
        task_default_queue=DEFAULT_QUEUE,
        # no_ack: a message is gone once it is taken, which spares Redis and us the books of what is not acknowledged yet.
        task_queues=[Queue(name, no_ack=True) for name in settings.worker_queues],
        task_create_missing_queues=True,
        accept_content=["json"],
        task_serializer="json",
        task_acks_late=False,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        result_backend=None,
        # Without it kombu takes any certificate.
        broker_use_ssl=broker_options(settings) or None,
        worker_consumer="task_server.worker.consumer:Consumer",
        worker_pool="task_server.worker.pool:TaskPool",
        worker_disable_prefetch=True,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        # Concerns late-acknowledged messages only, of which there are none; left unset Celery warns at each loss of the broker.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        # None: for ever. Celery's default gives up after 100 tries.
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        task_publish_retry=False,
        broker_transport_options={
            "socket_connect_timeout": 2,
            # Above the 1 s that an idle worker waits in BRPOP; a silent broker is noticed after it.
            "socket_timeout": 10,
            "socket_keepalive": True,
            "health_check_interval": 5,
            "retry_on_timeout": True,
            "max_retries": 1,
            "interval_start": 0,
        },
    )
    return app
