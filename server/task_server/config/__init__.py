"""The settings of every process, and the one reader of the environment and of the TOML file.

A setting is a field of `Settings`; its name in the environment is `TASK_SERVER_` and the field's name in capitals, in the TOML
file (`--config`, or `TASK_SERVER_CONFIG`) the field's name as it is. The environment wins over the file, the file over the default.
Instead of a variable, the same name with `_FILE` may name a file that holds the value, as containers are given their secrets;
a variable that is set itself wins.

The standard library reads it: a settings framework costs each of the six processes 13 MB and 0.1 s of start-up, which the budgets
of the embedded stack do not have.
"""

from task_server.config.settings import ConfigError, Settings
from task_server.config.sources import PREFIX, environment, load

__all__ = ["PREFIX", "ConfigError", "Settings", "environment", "load"]
