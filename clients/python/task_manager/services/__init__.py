"""Where projects that come from the Django app look for `TaskTracker`."""
