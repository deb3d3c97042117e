"""Pterion, a desktop reader for head CT: reads, shows, annotates. `viewer/README.md` is the map."""

__version__ = "0.1.0"
