"""Requests to domain values. Every violation of a request is found before any is told."""
