"""What of a message is believed: that it names our task and one execution's id. All else is made anew.

Celery does what a message says: it calls back (`callbacks`, `errbacks`, `chain`, `chord`), waits (`eta`), drops (`expires`),
limits, repeats and unpacks, and runs any task that is registered. Whoever can write to the broker could so have workers
publish, wait or grow; what is left here is the one thing that a claim in the database decides upon.
"""

from __future__ import annotations

import base64
import json
from typing import Any

#: The one task that workers serve. Its argument is an execution's id.
EXECUTE = "task_manager.execute"
#: Ours have less than 1 KiB.
_LONGEST_BYTES = 16 * 1024
_LONGEST_ID = 200


class NoMessageError(Exception):
    """Something in a queue is no message of ours."""


def only_the_hint(item: bytes, queue: str) -> bytes:
    """The message that Celery may read in place of what was in the queue. Raises NoMessageError."""
    if len(item) > _LONGEST_BYTES:
        raise NoMessageError(f"it has {len(item)} bytes")
    try:
        message = json.loads(item)
        headers, properties = message["headers"], message["properties"]
        if headers["task"] != EXECUTE:
            raise NoMessageError(f"it is for the task {str(headers['task'])[:100]!r}")
        if (message["content-type"], properties["body_encoding"]) != ("application/json", "base64"):
            raise NoMessageError("it is not JSON")
        (execution_id,), _, _ = json.loads(base64.b64decode(message["body"], validate=True))
    except NoMessageError:
        raise
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise NoMessageError(repr(error)[:200]) from error
    if not isinstance(execution_id, str) or len(execution_id) > _LONGEST_ID:
        raise NoMessageError("its argument is no execution's id")
    return json.dumps(_message(execution_id, queue)).encode()


def _message(execution_id: str, queue: str) -> dict[str, Any]:
    body = json.dumps([[execution_id], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {
            "lang": "py",
            "task": EXECUTE,
            "id": execution_id,
            "root_id": execution_id,
            "parent_id": None,
            "group": None,
            "argsrepr": repr((execution_id,)),
            "kwargsrepr": "{}",
            "retries": 0,
            "eta": None,
            "expires": None,
            "timelimit": [None, None],
            "ignore_result": True,
        },
        "properties": {
            "correlation_id": execution_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": execution_id,
        },
    }
