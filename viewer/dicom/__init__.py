"""Files to series to volumes in HU, and back. No Qt, no torch."""
