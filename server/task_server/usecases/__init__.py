"""What each request, message and tick does. Every transaction starts here; workers and watchers are told after it."""
