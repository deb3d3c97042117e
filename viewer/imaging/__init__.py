"""Numbers to pictures and measures: windows, overlays, statistics. No Qt, no torch."""
