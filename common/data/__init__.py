"""The images to learn from: found, downloaded, verified."""
