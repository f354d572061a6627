"""The figures of the tutorial, each made by the module of its name."""
