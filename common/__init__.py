"""What the three implementations share: NumPy, files and pictures, never a deep-learning framework."""
