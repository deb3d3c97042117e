"""Polygons and the drawing state machine, rasters, formats. No Qt, no torch."""
