"""DICOM-shaped training data to `model.sample`. No Qt, no torch."""
