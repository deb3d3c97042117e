"""Widgets: they draw the session and forward intentions."""
