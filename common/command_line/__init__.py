"""What users type, and how it ends."""
