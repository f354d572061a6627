"""The notebooks of the tutorial, one per framework, made from the package's own code."""
