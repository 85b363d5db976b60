"""Sealing: secrets are stored so that only who has the key, and only in their own place, can open them."""
