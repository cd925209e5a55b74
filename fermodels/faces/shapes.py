"""Anny's local shapes that change a head (the others change limbs and torso)."""

_PAIRED = (
    "cheek-trans-up", "cheek-volume-incr", "cheek-inner-incr", "cheek-bones-incr",
    "ear-lobe-incr", "ear-shape-round", "ear-trans-forward", "ear-rot-forward", "ear-trans-up",
    "ear-scale-vert-incr", "ear-flap-incr", "ear-shape-triangle", "ear-scale-incr",
    "ear-scale-depth-incr", "ear-wing-incr", "eye-corner1-up", "eye-height1-incr",
    "eye-scale-incr", "eye-push1-out", "eye-eyefold-up", "eye-height3-incr", "eye-height2-incr",
    "eye-bag-incr", "eye-push2-out", "eye-trans-up", "eye-bag-height-incr", "eye-epicanthus-out",
    "eye-eyefold-angle-up", "eye-bag-out", "eye-corner2-up", "eye-trans-out",
)  # fmt: skip

_SINGLE = (
    "chin-jaw-drop-incr", "chin-height-incr", "chin-prominent-incr", "chin-bones-incr",
    "chin-width-incr", "chin-cleft-incr", "chin-prognathism-incr", "eyebrows-angle-up",
    "eyebrows-trans-up", "eyebrows-trans-forward", "forehead-temple-incr",
    "forehead-trans-forward", "forehead-scale-vert-incr", "forehead-nubian-incr",
    "head-angle-out", "head-scale-vert-incr", "head-trans-forward", "head-trans-up",
    "head-fat-incr", "head-trans-out", "head-back-scale-depth-incr", "head-age-incr",
    "head-scale-depth-incr", "head-scale-horiz-incr", "mouth-lowerlip-height-incr",
    "mouth-scale-horiz-incr", "mouth-cupidsbow-incr", "mouth-laugh-lines-out",
    "mouth-scale-depth-incr", "mouth-lowerlip-volume-incr", "mouth-angles-up",
    "mouth-upperlip-ext-up", "mouth-lowerlip-width-incr", "mouth-trans-forward",
    "mouth-upperlip-width-incr", "mouth-scale-vert-incr", "mouth-dimples-out",
    "mouth-upperlip-height-incr", "mouth-upperlip-volume-incr", "mouth-cupidsbow-width-incr",
    "mouth-lowerlip-ext-up", "mouth-upperlip-middle-up", "mouth-trans-up", "mouth-trans-out",
    "mouth-lowerlip-middle-up", "mouth-philtrum-volume-incr", "neck-scale-depth-incr",
    "neck-trans-forward", "neck-double-incr", "neck-trans-out", "neck-back-scale-depth-incr",
    "neck-scale-horiz-incr", "neck-scale-vert-incr", "neck-trans-up", "nose-nostrils-angle-up",
    "nose-flaring-incr", "nose-curve-convex", "nose-scale-depth-incr", "nose-scale-vert-incr",
    "nose-point-width-incr", "nose-scale-horiz-incr", "nose-width1-incr", "nose-trans-forward",
    "nose-trans-up", "nose-hump-incr", "nose-nostrils-width-incr", "nose-trans-out",
    "nose-greek-incr", "nose-point-up", "nose-width2-incr", "nose-width3-incr",
    "nose-septumangle-incr", "nose-base-up", "nose-compression-uncompress", "nose-volume-incr",
)  # fmt: skip

HEAD_SHAPES: tuple[str, ...] = (
    *(side + name for name in _PAIRED for side in ("l-", "r-")),
    *_SINGLE,
)
