"""Simulated head CT with labelled bleeds: anatomy, lesions and acquisition, all drawn from one seed."""

from model.phantom.generate import VERSION, PhantomSettings, generate
from model.phantom.settings import SHIFTED, AnatomySettings, LesionSettings, Scanner, ScannerSettings

__all__ = [
    "SHIFTED",
    "VERSION",
    "AnatomySettings",
    "LesionSettings",
    "PhantomSettings",
    "Scanner",
    "ScannerSettings",
    "generate",
]
