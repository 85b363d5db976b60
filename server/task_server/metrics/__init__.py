"""Metrics: what is counted and measured, and the port on which Prometheus reads it. Off unless `metrics_address` is set."""
