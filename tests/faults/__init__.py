"""Nothing is ever lost, nothing ever runs amok: the real processes under a seeded load, while faults are put into them.

`make faults SECONDS=600 SEED=1 DATABASE=sqlite` runs it; `make test` has a short version. What is checked afterwards, from the
database and from a watcher's stream, is the list INVARIANTS in `invariants.py`.
"""

import os

# The harness forks to start processes while gRPC's threads run; the children use none of it.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
