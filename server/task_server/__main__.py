"""`python -m task_server`: the same as the `task-server` command."""

from __future__ import annotations

import sys

from task_server.cli.main import main

sys.exit(main())
