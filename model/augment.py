"""Random changes of pose and appearance, on stacks of HU: what another scanner or another head would give.

Appearance is varied far beyond one hospital's, because a network fits a single scanner within minutes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from model.preprocess import AIR_HU, WINDOWS

_BONE_HU = 150


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes; 0 switches one off.

    rotation_deg, zoom, stretch, shift_px: pose. gain, offset_hu: linear change of HU. noise_hu: largest SD.
    blur_px: largest Gaussian sigma. bias_hu: amplitude of a smooth field. quantised: probability of windowed
    8-bit grey, as in JPEG collections. halo: probability of bone that shines into its surroundings, which a
    network else takes for thin subdural blood. cupping_hu: the same from beam hardening, over some 10 mm: brain at
    the inner table is up to 25 HU brighter than deep brain on some scanners, and hardly on others.
    clipped: probability of HU cut off below -150 to 0 and above 80 to 400, as 8-bit exports are.
    """

    rotation_deg: float = 15.0
    zoom: float = 0.12
    stretch: float = 0.05
    shift_px: float = 8.0
    gain: float = 0.06
    offset_hu: float = 8.0
    noise_hu: float = 5.0
    blur_px: float = 1.1
    bias_hu: float = 3.0
    quantised: float = 0.25
    halo: float = 0.3
    cupping_hu: float = 50.0
    clipped: float = 0.15


def augment(
    hu: Tensor, labels: Tensor, settings: Augmentation, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Changed copies of hu float32 (B, S, N, N) and labels uint8 (B, S, N, N); a stack changes as one."""
    hu, labels = _pose(hu, labels, settings, generator)
    hu = _appearance(hu, settings, generator)
    return hu, labels


def network_input(hu: Tensor) -> Tensor:
    """The windows of hu (…, N, N) as channels: (…, 3, N, N) in 0..1, equal to `preprocess.window_channels`."""
    return torch.stack([((hu - (c - w / 2)) / w).clamp(0, 1) for c, w in WINDOWS], -3)


def _pose(
    hu: Tensor, labels: Tensor, settings: Augmentation, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Rotation, zoom, stretch, shift and left-right flip; one stack in four is only flipped and stays sharp."""
    batch, count, size, _ = hu.shape
    moved = (torch.rand(batch, generator=generator) < 0.75).float()
    flip = torch.where(torch.rand(batch, generator=generator) < 0.5, -1.0, 1.0)
    angle = _uniform(batch, generator) * settings.rotation_deg * torch.pi / 180 * moved
    zoom = 1 + _uniform(batch, generator) * settings.zoom * moved
    stretch = 1 + _uniform(batch, generator) * settings.stretch * moved
    shift = _uniform(batch * 2, generator).reshape(batch, 2) * settings.shift_px * moved[:, None] * 2 / size
    cosine, sine = angle.cos() * zoom, angle.sin() * zoom
    matrix = torch.stack(
        [
            torch.stack([cosine * stretch * flip, -sine, shift[:, 0]], 1),
            torch.stack([sine * stretch * flip, cosine, shift[:, 1]], 1),
        ],
        1,
    )
    grid = functional.affine_grid(matrix, [batch, count, size, size], align_corners=False)
    hu = functional.grid_sample(hu - AIR_HU, grid, align_corners=False) + AIR_HU
    turned = functional.grid_sample(labels.float(), grid, mode="nearest", align_corners=False)
    return hu, turned.to(torch.uint8)


def _appearance(hu: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    batch, _, size, _ = hu.shape
    gain = 1 + _uniform(batch, generator) * settings.gain
    offset = _uniform(batch, generator) * settings.offset_hu
    bias = torch.randn(batch, 1, 4, 4, generator=generator) * (settings.bias_hu / 2)
    bias = functional.interpolate(bias, (size, size), mode="bilinear", align_corners=False)
    tissue = (hu > -200).float()
    hu = hu * gain[:, None, None, None] + (offset[:, None, None, None] + bias) * tissue
    hu = torch.stack([_scanner(stack, settings, generator) for stack in hu])
    quantised = torch.rand(batch, generator=generator) < settings.quantised
    hu = torch.where(quantised[:, None, None, None], _quantise(hu), hu)
    low = -150 * torch.rand(batch, 1, 1, 1, generator=generator)
    high = 80 + 320 * torch.rand(batch, 1, 1, 1, generator=generator)
    clipped = torch.rand(batch, generator=generator) < settings.clipped
    return torch.where(clipped[:, None, None, None], torch.maximum(torch.minimum(hu, high), low), hu)


def _scanner(stack: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Another kernel (softer or sharper) and more noise, white or correlated, on (S, N, N)."""
    draw = [float(d) for d in torch.rand(7, generator=generator)]
    changed = stack
    if draw[0] < 0.4:
        changed = _blur(stack, draw[1] * settings.blur_px)
    elif draw[0] < 0.6:
        changed = stack + (0.3 + 1.2 * draw[1]) * (stack - _blur(stack, 0.8))
    if draw[4] < settings.halo:
        bone = (changed - _BONE_HU).clamp(min=0)
        changed = changed + _blur(bone, 0.5 + 0.8 * draw[5]) - bone
    if draw[6] < 0.5:
        changed = changed + draw[6] / 0.5 * settings.cupping_hu * _near_bone(changed)
    if draw[2] < 0.75:
        noise = torch.randn(stack.shape, generator=generator)
        if draw[3] < 0.5:
            noise = _blur(noise, 0.7) * 2.4
        changed = changed + noise * (draw[2] / 0.75 * settings.noise_hu)
    return changed


def _near_bone(stack: Tensor) -> Tensor:
    """How much bone lies within 6 pixels: 0 to 1 in soft tissue, 0 in air and in bone itself, (S, N, N)."""
    bone = (stack > _BONE_HU).float()[:, None]
    spread = functional.avg_pool2d(functional.avg_pool2d(bone, 7, 1, 3), 7, 1, 3)[:, 0]
    return spread * ((stack > -200) & (stack <= _BONE_HU))


def _quantise(hu: Tensor) -> Tensor:
    """HU as two 8-bit windows keep them: 40/120 finely, 700/3200 elsewhere."""
    fine = torch.round((hu + 20) * (255 / 120)) * (120 / 255) - 20
    coarse = torch.round((hu + 900).clamp(0, 3200) * (255 / 3200)) * (3200 / 255) - 900
    return torch.where((hu > -19) & (hu < 99), fine, coarse)


def _blur(stack: Tensor, sigma: float) -> Tensor:
    """Gaussian blur in plane of (S, N, N)."""
    if sigma < 0.15:
        return stack
    offsets = torch.arange(-3, 4, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(stack[:, None], (3, 3, 3, 3), mode="replicate")
    across = functional.conv2d(padded, kernel[None, None, None, :])
    return functional.conv2d(across, kernel[None, None, :, None])[:, 0]


def _uniform(count: int, generator: torch.Generator) -> Tensor:
    """`count` draws from -1 to 1."""
    return torch.rand(count, generator=generator) * 2 - 1
