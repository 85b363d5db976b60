"""Frozen values and the rules about them: no I/O, and nothing third-party but croniter's arithmetic in `cron`."""
