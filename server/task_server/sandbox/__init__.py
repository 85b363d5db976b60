"""The cage for user code: a warm process forks one limited child per run. It imports nothing else of this service."""
