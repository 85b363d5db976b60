"""Does the work: claims an execution, has it run in a child process, keeps its lease meanwhile, and finishes it."""
