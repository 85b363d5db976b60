"""The truth: tasks, executions, events and tokens in SQLite or PostgreSQL. The one room that knows Peewee."""
