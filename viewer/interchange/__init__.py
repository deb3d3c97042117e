"""Annotations in and out of other programs' formats, and whole libraries to a folder and back. No Qt, no torch."""
