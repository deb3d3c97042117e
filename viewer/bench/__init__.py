"""Every number that is promised, measured beside its peer."""
