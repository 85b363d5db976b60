"""`register_task_execution`, where projects that come from the Django app look for it."""

from task_manager.services.task_tracker import TaskTracker

register_task_execution = TaskTracker.register_task
