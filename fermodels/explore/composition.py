"""What a selection consists of, beside what the whole data set consists of."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from fermodels.explore.fields import Field

_SHOWN = 12


def composition(field: Field, rows: np.ndarray, among: np.ndarray | None = None) -> pd.DataFrame:
    """A row per category of `field`: `count`, `share` of the selection, `overall` share; that of
    the rows `among`, bool (N,), or of all."""
    import pandas as pd

    count = np.bincount(field.codes[rows], minlength=len(field.categories))
    overall = field.counts_among(among)
    return pd.DataFrame(
        {
            "count": count,
            "share": count / max(len(rows), 1),
            "overall": overall / max(overall.sum(), 1),
        },
        index=pd.Index(field.categories, name=field.name),
    )


def composition_html(field: Field, rows: np.ndarray, among: np.ndarray | None = None) -> str:
    """Bars of the shares; a tick on each bar is the share in the whole data set. Many categories
    are cut to the commonest ones of the selection."""
    table = composition(field, rows, among).assign(color=field.colors)
    cut = len(table) > _SHOWN
    if cut:
        table = table.sort_values("count", ascending=False, kind="stable").head(_SHOWN)
        table = table[table["count"] > 0]
    scale = max(table["share"].max(), table["overall"].max(), 1e-9) if len(table) else 1
    bars = "".join(
        f'<div class="fm-bar" role="listitem"><span class="fm-bar-name" title="{_text(name)}">'
        f"{_text(name)}</span>"
        f'<span class="fm-bar-track" aria-hidden="true">'
        f'<span class="fm-bar-fill" style="width:{100 * bar.share / scale:.1f}%;'
        f'background:{bar.color}"></span>'
        f'<span class="fm-bar-tick" style="left:{100 * bar.overall / scale:.1f}%"></span></span>'
        f'<span class="fm-bar-count">{bar.count:,} ({100 * bar.share:.0f} %)</span></div>'
        for name, bar in zip(table.index, table.itertuples(), strict=True)
    )
    more = f" (the {len(table)} commonest)" if cut else ""
    title = _text(field.name.replace("_", " "))
    label = f"Composition of the selection by {title}"
    return (
        f'<div class="fm-bars" role="list" aria-label="{label}">'
        f'<div class="fm-bars-title">by {title}{more}</div>{bars}</div>'
    )


def _text(value: object) -> str:
    return html.escape(str(value).replace("_", " "))
