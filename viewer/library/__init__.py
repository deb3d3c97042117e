"""The local SQLite library: studies, annotations, findings. No Qt, no torch."""
