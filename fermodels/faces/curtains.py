"""Hair that hangs: long hair, bobs and fringes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fermodels.faces.hair import RIMS, Hair, hairline
from fermodels.faces.pieces import Piece
from fermodels.faces.shells import shell, top_heavy
from fermodels.faces.skull import CENTRE, Skull, angles, between, direction
from fermodels.faces.strands import RADIUS, hair_piece, locks, mixed, pressed, strand_colors
from fermodels.faces.surfaces import ramp, waves


def curtain(
    hair: Hair,
    skull: Skull,
    rng,
    skin,
    *,
    bottom: float,
    volume: float,
    edge: float = 1.05,
    curls: float = 0.0,
    turned_in: float = 0.0,
    columns: int = 129,
) -> Piece:
    """Long hair: from a parting over the side of the head, then down, open at the face.

    Args:
        bottom: metres below the chin's height where it ends.
        volume: thickness in metres.
        edge: angle around the head, from the front, of the curtain's front edge.
        curls: amplitude of bumps, metres.
        turned_in: metres that its end bends towards the neck.
    """
    upper, lower, inner = 15, 22, 7
    edge = edge + rng.uniform(-0.08, 0.06)
    t = np.linspace(-1, 1, columns)
    side, away = np.where(t < 0, -1.0, 1.0), np.abs(t)
    parting = 0.45 * hair.part
    crown = direction(0.30, np.pi)
    front = direction(hairline(hair, np.array(parting)) - 0.01, parting)
    roots = between(crown, front, ramp(away, 0.40, 1.0))
    falls = side * (np.pi - (np.pi - edge) * away)
    drop = direction(np.interp(np.pi - np.abs(falls), [0, 1.4, 2.2], [1.62, 1.52, 1.45]), falls)
    share = np.linspace(0, 1, upper)[:, None]
    toward = between(roots[None], drop[None], share)
    # The strands at the face run along the hairline.
    along = parting + (side * edge - parting) * share
    brim = direction(np.minimum(hairline(hair, along, sideburns=False), 1.5) + 0.0, along)
    near = (ramp(away, 0.55, 1.0) * np.ones_like(share))[..., None]
    toward = toward * (1 - near) + brim * near
    toward /= np.linalg.norm(toward, axis=-1, keepdims=True)

    wave = locks(rng, columns)
    points, normals = skull.at(toward)
    rises = 0.35 + 0.65 * ramp(share, 0.0, 0.35)
    thin = 1 - 0.70 * ramp(away, 0.85, 1.0) * ramp(share, 1.0, 0.55)
    lift = volume * rises * thin * (1 + 0.10 * wave)
    lift = pressed(hair, toward, lift)
    points = points + normals * lift[..., None]

    outline = skull.outline()
    last = points[-1]
    chin = skull.rest[:, 2][skull.rest[:, 1] < skull.centre[1] - 0.06].min() + 0.015
    end = chin - bottom + 0.012 * rng.standard_normal(columns) * (bottom > 0.02)
    end = end + 0.003 * wave
    x, y = last[:, 0] - skull.centre[0], last[:, 1] - skull.centre[1]
    angle, start = np.arctan2(x, -y), np.hypot(x, y)
    down = np.linspace(0, 1, lower + 1)[1:, None]
    height = last[:, 2] + (end - last[:, 2]) * down
    fallen = last[:, 2] - height
    body = outline.at(np.broadcast_to(angle, height.shape), height)
    hangs = start + 0.006 * ramp(fallen, 0, 0.05) - 0.16 * np.maximum(fallen - 0.03, 0)
    hangs = hangs - turned_in * ramp(down, 0.55, 1.0)
    gap = 0.55 * volume + 0.003
    far = np.maximum(hangs, body + gap)
    far[1:-1] = (far[:-2] + 2 * far[1:-1] + far[2:]) / 4
    turn = angle + 0.0 * down
    free = ramp(fallen, 0.0, 0.07)
    ripple = 0.016 * hair.waviness
    phase = 2 * np.pi * height / (0.055 + 0.02 * hair.length) + 1.3 * wave
    turn = turn + free * ripple * np.sin(phase) / far
    far = far + free * (0.5 * ripple * np.cos(phase) + 0.0030 * wave)
    if curls:
        place = np.stack([turn * 0.09, height, far * 0.2], axis=-1)
        bumps = np.clip(1.1 - np.abs(waves(place, rng, 0.036, 16)), -1, 1)
        far = far + curls * free * (bumps + 0.3)
    far = np.maximum(far, body + 0.0035 * free + 0.001)
    if hair.pressed is not None:
        level, slope = RIMS[hair.pressed]
        rim = CENTRE[2] + RADIUS * (level + 0.8 * slope * np.cos(angle))
        tight = np.minimum(far, skull.outline(ears=False).at(turn, height) + 0.004)
        behind = ramp(np.abs(angle), 1.9, 2.3)
        far = far + (tight - far) * behind * ramp(height, rim - 0.025, rim + 0.005)
    hanging = np.stack(
        [skull.centre[0] + far * np.sin(turn), skull.centre[1] - far * np.cos(turn), height], -1
    )
    # An inner side, so that the hair behind the neck has a thickness and is dark.
    rows = np.linspace(lower - 1, 1, inner).astype(int)
    depth = 0.007 * ramp(away, 1.0, 0.9)
    inside = np.maximum(far[rows] - depth, body[rows] + 0.001)
    inside = np.minimum(inside, far[rows] - 0.0003)
    back = np.stack(
        [
            skull.centre[0] + inside * np.sin(turn[rows]),
            skull.centre[1] - inside * np.cos(turn[rows]),
            height[rows] + 0.002,
        ],
        -1,
    )
    outer = np.concatenate([points, hanging])
    outward = np.concatenate([normals, np.broadcast_to(normals[-1], hanging.shape)])
    uneven = np.concatenate(
        [np.broadcast_to(wave, lift.shape), np.broadcast_to(wave, height.shape)]
    )
    uneven = uneven + 0.5 * waves(
        np.stack([np.broadcast_to(t * 0.3, uneven.shape), outer[..., 2]], -1), rng, (0.01, 0.12)
    )
    colors = strand_colors(hair, rng, outward, uneven)
    if curls:
        colors[upper:] *= np.exp(0.35 * bumps * free)[..., None]
    shade = np.concatenate([0.70 + 0.30 * ramp(share, 0, 0.15) + 0 * t, 1 + 0 * height])
    shade[upper:] *= 1 - 0.18 * ramp(down, 0.3, 1.0)
    if skin is not None:
        parted = ramp(share, 0.10, 0.0) * ramp(away, 0.4, 0.6)
        colors[:upper] = mixed(colors[:upper], np.asarray(skin), 0.35 * parted)
    colors = colors * shade[..., None]
    colors = np.concatenate([colors, 0.45 * colors[upper:][rows]])
    return hair_piece(np.concatenate([outer, back]), colors, closed=False, centre=skull.centre)


def _fringe(hair: Hair, skull: Skull, rng, skin, wide: float = 0.98, over: float = 0.0) -> Piece:
    """Hair over the forehead that ends above the brows."""
    rows, columns = 16, 65
    t = np.linspace(-1, 1, columns)
    around = wide * t
    # The height just above the brows on the average head, lower at the temples.
    brow = np.stack([0 * t + 0.07 * np.sin(around), -0.10 * np.cos(around), 0 * t], -1)
    brow[:, 2] = 0.026 - over - 0.014 * np.abs(t) ** 3
    uneven = 0.02 * locks(rng, columns) + 0.014 * rng.standard_normal(columns)
    ends = direction(angles(brow)[0] + uneven, around)
    roots = direction(0.42, around * 0.7 + 0.2 * hair.part)
    share = np.linspace(0, 1, rows)[:, None]
    toward = between(roots[None], ends[None], share)
    points, normals = skull.at(toward)
    wave = locks(rng, columns)
    lift = np.interp(share[:, 0], [0, 0.25, 0.6, 1.0], [0.2, 1.15, 1.25, 0.55])[:, None]
    lift = lift * 0.013 * hair.volume * (1 + 0.12 * wave) * (1 - 0.65 * ramp(np.abs(t), 0.7, 1.0))
    lift = pressed(hair, toward, lift)
    outward = normals + [0, -0.25, 0] * ramp(share, 0.4, 1.0)[..., None]
    points = points + outward * lift[..., None]
    colors = strand_colors(hair, rng, normals, wave + 0 * lift)
    colors = colors * (1 - 0.15 * ramp(share, 0.7, 1.0))[..., None]
    return hair_piece(points, colors, closed=False, centre=skull.centre)


def bob(hair, skull, rng, skin):
    bottom = 0.010 * (hair.length - 0.9) * 4
    return [curtain(hair, skull, rng, skin, bottom=bottom, volume=0.015 * hair.volume,
                     turned_in=0.012, edge=1.12)]  # fmt: skip


def long_straight(hair, skull, rng, skin):
    straight = replace(hair, waviness=0.3 * hair.waviness)
    return [curtain(straight, skull, rng, skin, bottom=0.085 * hair.length,
                     volume=0.011 * hair.volume)]  # fmt: skip


def long_wavy(hair, skull, rng, skin):
    wavy = replace(hair, waviness=0.5 + 0.5 * hair.waviness)
    return [curtain(wavy, skull, rng, skin, bottom=0.080 * hair.length,
                     volume=0.017 * hair.volume)]  # fmt: skip


def long_curly(hair, skull, rng, skin):
    wavy = replace(hair, waviness=0.6)
    return [curtain(wavy, skull, rng, skin, bottom=0.055 * hair.length, curls=0.010,
                     volume=0.022 * hair.volume, edge=1.02)]  # fmt: skip


def tucked(hair, skull, rng, skin):
    return [curtain(hair, skull, rng, skin, bottom=0.07 * hair.length,
                     volume=0.010 * hair.volume, edge=1.95)]  # fmt: skip


def fringe_short(hair, skull, rng, skin):
    thickness = top_heavy(0.008 * hair.volume, 0.016 * hair.volume)
    below = shell(hair, skull, rng, skin, thickness, rough=0.2)
    return [below, _fringe(hair, skull, rng, skin, wide=0.95, over=-0.012)]


def fringe_bob(hair, skull, rng, skin):
    return [*bob(hair, skull, rng, skin), _fringe(hair, skull, rng, skin)]


def fringe_long(hair, skull, rng, skin):
    return [*long_straight(hair, skull, rng, skin), _fringe(hair, skull, rng, skin)]
