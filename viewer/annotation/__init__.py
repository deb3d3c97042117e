"""Polygons and masks: the document, the drawing state machine, rasterising, export. No Qt, no torch."""
