"""From drawn faces to what a camera gives: background, exposure, colour, blur, noise."""

from __future__ import annotations

import io

import numpy as np

from fermodels.faces.sessions import Camera, Occluder

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def develop(drawn: np.ndarray, background: np.ndarray, camera: Camera, take: int) -> np.ndarray:
    """uint8 (S, S, 3): the picture that the camera takes.

    Args:
        drawn: uint8 (S, S, 4), face and coverage, see `Canvas.draw`.
        background: float (S, S, 3), sRGB 0…1.
        take: number of the picture, for its noise: no two pictures have the same.
    """
    cover = drawn[..., 3:].astype(np.float32) / 255
    image = drawn[..., :3].astype(np.float32) / 255 * cover + background * (1 - cover)
    if camera.occluder is not None:
        image = _occlude(image, camera.occluder)
    gain = camera.exposure * np.asarray(camera.white_balance, np.float32)
    if (gain != 1).any():
        image = image * np.sqrt(gain)  # factors are linear, the image is about a square root
    if camera.saturation != 1:
        gray = (image @ _LUMA)[..., None]
        image = gray + camera.saturation * (image - gray)
    if camera.contrast != 1:
        image = 0.5 + camera.contrast * (image - 0.5)
    if camera.blur > 0:
        from scipy.ndimage import gaussian_filter

        sigma = camera.blur * len(image)
        image = gaussian_filter(image, (sigma, sigma, 0), mode="nearest")
    if camera.noise > 0:
        rng = np.random.default_rng([camera.seed, take])
        image = image + camera.noise * rng.standard_normal(image.shape, dtype=np.float32)
    picture = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    return _compressed(picture, camera.jpeg) if camera.jpeg else picture


def _occlude(image: np.ndarray, occluder: Occluder) -> np.ndarray:
    size = len(image)
    y, x = (np.mgrid[:size, :size].astype(np.float32) + 0.5) / size - 0.5
    a = np.deg2rad(occluder.angle)
    along, across = x * np.cos(a) + y * np.sin(a), -x * np.sin(a) + y * np.cos(a)
    start = 0.5 - occluder.reach
    tip = np.clip((along - start) / occluder.width, 0, 1)
    inside = (along > start) & (np.abs(across) < 0.5 * occluder.width * np.sqrt(tip))
    edge = (0.75 + 0.25 * np.clip(1 - np.abs(across) / occluder.width * 2, 0, 1))[..., None]
    return np.where(inside[..., None], np.asarray(occluder.color, np.float32) * edge, image)


def _compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))
