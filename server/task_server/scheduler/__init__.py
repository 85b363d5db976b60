"""What happens on a clock. Any number of schedulers may run: they share the work by row, none is special."""
