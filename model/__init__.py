"""Learns and predicts hemorrhage from head CT arrays in HU; knows nothing of DICOM, Qt or the viewer."""
