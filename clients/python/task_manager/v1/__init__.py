"""The contract as Python stubs, written by `make proto` from protos/task_manager/v1."""
