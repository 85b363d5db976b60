"""How fast the service is, as ratios to what it stands on, all measured in one run: `make bench`."""
