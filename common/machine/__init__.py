"""The machine as users have it: files, output, packages, processors."""
