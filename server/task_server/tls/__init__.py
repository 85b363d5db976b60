"""What protects a connection: certificates of listeners, what they are trusted by, and what may go without."""
