"""The whole service on one machine with one command: broker, server, gateway, worker and scheduler, supervised.

The process that supervises stays small: nothing here imports gRPC, Celery or the database.
"""
