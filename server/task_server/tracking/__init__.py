"""Following other Celery apps: their events as they happen, and their result backends for what has happened."""
