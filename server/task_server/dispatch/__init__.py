"""Telling workers, through Celery, that an execution waits. A message holds an execution's id and nothing else."""
