"""Frozen values and the rules about them: no I/O; third-party only croniter in `clock_pattern`, cron-descriptor in `cron_words`."""
