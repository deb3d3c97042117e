"""Network definitions, one a file."""
