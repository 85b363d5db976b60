"""Registers a run, forks as gunicorn and Celery's prefork pool do, and has each child register one; prints what was recorded."""

import os
import sys

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    django.setup()
    from task_manager.utils import register_task_execution

    task_id = sys.argv[1]
    assert register_task_execution(task_id, "t", "forking").is_recorded
    children = []
    for number in range(2):
        child = os.fork()
        if child == 0:
            made = register_task_execution(f"{task_id}-{number}", "t", "forking")
            os._exit(0 if made.is_recorded else 1)
        children.append(child)
    print([os.waitpid(child, 0)[1] for child in children])


if __name__ == "__main__":
    main()
