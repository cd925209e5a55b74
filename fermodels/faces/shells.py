"""Hair that lies on the scalp: from shaved to afro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fermodels.faces.hair import Hair, bald_above, hairline
from fermodels.faces.pieces import Piece
from fermodels.faces.skull import Skull, between, direction
from fermodels.faces.strands import RADIUS, hair_piece, locks, mixed, pressed, strand_colors
from fermodels.faces.surfaces import ramp, sheet_triangles, waves


def shell(
    hair: Hair,
    skull: Skull,
    rng,
    skin,
    thickness,
    *,
    parted: bool = False,
    combed=None,
    rise: float = 0.014,
    front: float = 0.0,
    fringe: float = 0.0,
    rough: float = 0.25,
    grain=(0.050, 0.010),
    rows: int = 26,
    columns: int = 176,
    ragged: float = 0.012,
    contrast: float = 1.0,
    soft: float = 0.5,
) -> Piece:
    """Hair that lies on the scalp and flows from the crown (or a parting) to the hairline.

    Args:
        thickness: metres, a number or a function of the directions (R, C, 3).
        rise: metres from the edge to full thickness.
        combed: direction (3,) that strands run to, instead of away from the crown.
        front: of the full thickness already at the forehead's edge.
        fringe: radians that the front hangs over the hairline.
        rough: how uneven the thickness is.
        grain: metres of an unevenness along and across the strands.
        ragged: radians by which strands differ in reach.
        soft: how much of the skin shows at the edge.
    """
    around = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    polar = hairline(hair, around)
    forehead = ramp(np.abs(around), 1.05, 0.6)
    uneven_end = ragged * rng.standard_normal(columns) + 1.6 * fringe * forehead * locks(
        rng, columns
    )
    polar = polar + fringe * forehead + np.clip(uneven_end, -0.06, 0.06)
    ends = direction(polar, around)
    middle = direction(0.28, np.pi)
    if hair.kind == "ring":
        roots = direction(bald_above(hair, around) + 0.03 * rng.standard_normal(columns), around)
    elif parted:
        at = 0.5 * hair.part if abs(hair.part) > 0.3 else 0.45
        line = direction(hairline(hair, np.array(at)) - 0.02, at)
        roots = between(middle, line, (0.5 + 0.5 * np.cos(around - at)) ** 1.5)
    else:
        roots = np.broadcast_to(middle, ends.shape)
    share = np.linspace(0, 1, rows)[:, None]
    toward = between(roots[None], ends[None], share)
    reach = np.arccos(np.clip((roots * ends).sum(-1), -1, 1)) * RADIUS
    left = (1 - share) * reach  # metres to the edge
    gone = share * reach
    edge = _narrow(ramp(left, -0.002, rise))
    hanging = np.clip(front * forehead, 0, 1)
    edge = hanging + (1 - hanging) * edge
    if combed is not None:
        uneven = _combed(toward, combed, rng)
    elif parted or hair.kind == "ring":
        flow = np.stack(np.broadcast_arrays(gone, 0.075 * around[None]), axis=-1)
        uneven = waves(flow, rng, grain)
    else:  # no seam at the back
        across = 0.09 * (ends - middle)[None] + 0 * toward
        flow = np.concatenate([across, (gone + 0 * toward[..., 0])[..., None]], axis=-1)
        uneven = waves(flow, rng, (grain[1], grain[1], grain[1], grain[0]))
    uneven = 0.6 * uneven + 0.25 * rng.standard_normal(columns)[None] * (combed is None)
    depth = thickness(toward) if callable(thickness) else thickness
    depth = pressed(hair, toward, depth)
    lift = depth * edge * np.clip(1 + rough * uneven, 0.3, 1.9)
    if parted:
        lift = lift * (0.45 + 0.55 * ramp(gone, 0.0, 0.02))
    if hair.kind == "ring":
        lift = lift * ramp(gone, -0.001, 0.02)
    points, normals = skull.at(toward)
    points = points + normals * (lift + 0.0006)[..., None]
    colors = strand_colors(hair, rng, normals, 0.5 * uneven * contrast, contrast)
    shade = 1 - 0.30 * ramp(left, 0.03, 0.0) * (1 - forehead)
    if parted:
        shade = shade * (0.72 + 0.28 * ramp(gone, 0.0, 0.012))
    colors = colors * shade[..., None]
    if skin is not None and soft:
        thin = soft * ramp(left, 0.006, 0.0) * (1 - hanging)
        if hair.kind == "ring":
            thin = np.maximum(thin, soft * ramp(gone, 0.012, 0.0))
        colors = mixed(colors, np.asarray(skin), thin)
    triangles = sheet_triangles(rows, columns, closed=True)
    if hair.kind == "ring":  # nothing where it would be a line
        grows = np.tile(reach > 0.012, rows)
        triangles = triangles[grows[triangles].all(axis=1)]
    return hair_piece(points, colors, closed=True, centre=skull.centre, triangles=triangles)


def _narrow(edge: np.ndarray) -> np.ndarray:
    """Lower where strands beside end: a sideburn is near an edge on both of its sides."""
    width = 6
    total = sum(np.roll(edge, k, axis=1) for k in range(-width, width + 1)) / (2 * width + 1)
    return np.minimum(edge, 0.35 * edge + 0.65 * total)


def _combed(toward: np.ndarray, end: np.ndarray, rng, lines: int = 90) -> np.ndarray:
    """Noise (R, C) that runs along great circles to one end, faint where they come together."""
    side = np.cross(end, [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    angle = np.arctan2(toward @ side, toward @ np.cross(end, side))
    table = rng.standard_normal(lines)
    at = (angle / (2 * np.pi) + 0.5) * lines
    noise = np.interp(at, np.arange(lines + 1), np.append(table, table[0]))
    return 1.4 * noise * np.sqrt(np.clip(1 - (toward @ end) ** 2, 0, 1))


def top_heavy(side: float, top: float, front: float = 0.0):
    """Thickness by direction: at the sides and back, on top, and more in front."""

    def thickness(toward: np.ndarray) -> np.ndarray:
        up = ramp(toward[..., 2], 0.15, 0.75)
        ahead = ramp(-toward[..., 1], 0.2, 0.7) * up
        return side + (top - side) * up + front * ahead

    return thickness


def shaved(hair, skull, rng, skin):
    bare = np.asarray(hair.color if skin is None else skin)
    color = tuple(0.45 * np.asarray(hair.color) + 0.55 * bare)
    thin = replace(hair, color=color)
    return [shell(thin, skull, rng, skin, 0.0008, rough=0.0, contrast=0.35, soft=0.7)]


def ring(hair, skull, rng, skin):
    return [shell(hair, skull, rng, skin, 0.007 * hair.volume, rows=18, soft=0.6)]


def crew(hair, skull, rng, skin):
    thickness = top_heavy(0.0025, 0.009 * hair.volume, 0.002)
    return [shell(hair, skull, rng, skin, thickness, rough=0.2, grain=(0.012, 0.010), rise=0.01)]


def short(hair, skull, rng, skin):
    thickness = top_heavy(0.008 * hair.volume, 0.020 * hair.volume, 0.004 * hair.length)
    return [
        shell(
            hair, skull, rng, skin, thickness, front=0.25, fringe=0.05 * hair.length, rough=0.30,
            grain=(0.045, 0.016), ragged=0.02,
        )
    ]  # fmt: skip


def side_part(hair, skull, rng, skin):
    thickness = top_heavy(0.007 * hair.volume, 0.018 * hair.volume, 0.008 * hair.volume)
    return [shell(hair, skull, rng, skin, thickness, parted=True, front=0.45, rough=0.2)]


def swept_back(hair, skull, rng, skin):
    thickness = top_heavy(0.006 * hair.volume, 0.016 * hair.volume, 0.013 * hair.volume)
    return [
        shell(
            hair, skull, rng, skin, thickness, combed=direction(1.15, np.pi), front=0.35, rise=0.018
        )
    ]


def receding(hair, skull, rng, skin):
    thickness = top_heavy(0.007 * hair.volume, 0.008 * hair.volume)
    return [shell(hair, skull, rng, skin, thickness, soft=0.8, ragged=0.03, rise=0.02)]


def curly(hair, skull, rng, skin):
    thickness = top_heavy(0.015 * hair.volume, 0.028 * hair.volume, 0.006)
    return [_bushy(hair, skull, rng, skin, thickness, size=0.017, rough=0.5, fringe=0.06)]


def afro(hair, skull, rng, skin):
    size = 0.050 * hair.volume * hair.length**0.5
    return [_bushy(hair, skull, rng, skin, top_heavy(0.85 * size, size), size=0.010, rough=0.10)]


def _bushy(hair, skull, rng, skin, thickness, size: float, rough: float, fringe: float = 0.0):
    """A mass of curls: bumps of a size in metres, dark between them."""
    rows, columns = 44, 160
    around = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    forehead = ramp(np.abs(around), 1.05, 0.6)
    polar = hairline(hair, around) + fringe * forehead + 0.02 * rng.standard_normal(columns)
    share = np.linspace(0, 1, rows)[:, None]
    ends = direction(polar, around)
    toward = between(np.broadcast_to(direction(0.2, np.pi), ends.shape)[None], ends[None], share)
    points, normals = skull.at(toward)
    edge = np.sqrt(np.clip(1 - share**7, 0, 1))
    bumps = waves(points, rng, size * 2.2, 16)
    bumps = np.clip(1.1 - np.abs(bumps), -1, 1)  # round tops, narrow valleys
    fine = rng.standard_normal((rows, columns))
    depth = thickness(toward)
    depth = pressed(hair, toward, depth)
    lift = depth * edge * (1 + rough * 0.6 * bumps + 0.06 * fine) + 0.0006
    outward = normals + 0.25 * (points - skull.centre) / RADIUS
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    points = points + outward * lift[..., None]
    tone = 0.30 * bumps + 0.12 * fine
    colors = np.asarray(hair.color) * np.exp(tone)[..., None]
    colors = colors + 0.025 * np.maximum(tone, 0)[..., None]
    colors = colors * (1 - 0.45 * ramp(share, 0.85, 1.0)[..., None])
    if skin is not None:
        colors = mixed(colors, np.asarray(skin), 0.35 * ramp(share, 0.97, 1.0) + 0 * fine)
    return hair_piece(points, colors, closed=True, centre=skull.centre, shine=0.10)
