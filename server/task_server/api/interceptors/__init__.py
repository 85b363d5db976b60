"""What happens around every call, in this order: request id, log, errors, capacity, refusals, authentication, limits.

Errors stands outside authentication, so that a refused caller gets its error from the same table; the log stands outside both, so
that it sees what the caller saw.
"""
