"""A run folder, written while a training goes on and read again, with its pictures and charts."""
