"""Public data sets that are not DICOM, as samples."""
