"""Filter expressions of lists (AIP-160): read, checked against the fields that there are, and narrowed to what an index answers."""
