"""Work off the GUI thread: a snapshot in, a value out. Qt only in `qt.py`."""
