"""Colours as DICOM recommends them: CIELab under D50, as whole numbers of 16 bits (PS3.3 C.10.7.1.1)."""

import numpy as np

_TO_XYZ = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
"""Linear sRGB → XYZ under D50 (Bradford-adapted; B. Lindbloom)."""
_WHITE = np.array([0.96422, 1.0, 0.82521])
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27


def lab_of_rgb(red: int, green: int, blue: int) -> tuple[int, int, int]:
    """The PCS values (0 to 65535) of an sRGB colour (0 to 255)."""
    stored = np.array([red, green, blue]) / 255
    linear = np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)
    ratio = _TO_XYZ @ linear / _WHITE
    root = np.where(ratio > _EPSILON, np.cbrt(ratio), (_KAPPA * ratio + 16) / 116)
    lab = (116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2]))
    scaled = (lab[0] * 65535 / 100, (lab[1] + 128) * 65535 / 255, (lab[2] + 128) * 65535 / 255)
    first, second, third = (int(np.clip(round(float(value)), 0, 65535)) for value in scaled)
    return first, second, third


def rgb_of_lab(lightness: int, a: int, b: int) -> tuple[int, int, int]:
    """The sRGB colour (0 to 255) nearest to PCS values; what no screen can show is cut off."""
    scaled = (lightness * 100 / 65535, a * 255 / 65535 - 128, b * 255 / 65535 - 128)
    middle = (scaled[0] + 16) / 116
    root = np.array([middle + scaled[1] / 500, middle, middle - scaled[2] / 200])
    ratio = np.where(root**3 > _EPSILON, root**3, (116 * root - 16) / _KAPPA)
    linear = np.clip(np.linalg.inv(_TO_XYZ) @ (ratio * _WHITE), 0, 1)
    stored = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(float(value) * 255) for value in stored)
    return red, green, blue
