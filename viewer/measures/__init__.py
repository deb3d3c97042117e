"""Lengths, angles, regions and volumes on CT pictures: their values, geometry, statistics and words. No Qt."""
