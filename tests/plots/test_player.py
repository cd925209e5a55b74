"""A clip to watch and hear in a notebook."""

import base64
import re

import numpy as np
import pytest

from fermodels import plots
from fermodels.data import PreparedClips, PreparedError
from fermodels.data.media import decode_audio, decode_video
from tests.data.test_clips import DROP, frame, rebuilt, words
from tests.fixtures.images import synthetic_clips

pytest.importorskip("av")


@pytest.fixture(scope="module")
def clips():
    """3 subjects × 7 emotions, some without sound, words or picture."""
    return synthetic_clips(3, drop=DROP)


def test_player_plays_what_there_is(clips):
    def parts(row):
        markup = plots.clip_player(clips, row)._repr_html_()
        found = re.search(r'<(video|audio) controls.*src="data:(\w+/webm);base64,([^"]+)"', markup)
        assert found[1] == found[2].split("/")[0]
        return found[1], base64.b64decode(found[3]), markup

    tag, data, markup = parts(0)
    assert tag == "video" and f"<figcaption>{clips.transcript(0)}</figcaption>" in markup
    assert np.array_equal(decode_video(data)[0], clips.frames(0)[0])
    assert np.array_equal(decode_audio(data), clips.waveform(0))
    tag, data, _ = parts(1)  # silent
    assert tag == "video" and np.array_equal(decode_video(data)[0], clips.frames(1)[0])
    assert "<figcaption>" not in parts(2)[2]  # without words
    tag, data, _ = parts(3)  # without picture
    assert tag == "audio" and np.array_equal(decode_audio(data), clips.waveform(3))
    assert clips.table["clip"][0] in repr(plots.clip_player(clips, 0))


def test_player_of_words_alone():
    markup = plots.clip_player(words(1), 0)._repr_html_()
    assert "<video" not in markup and "<audio" not in markup and ">yes<" in markup


def test_player_escapes_html(clips):
    words_ = "<script>alert('x')</script> & <b>\"bold\"</b>"
    bad = rebuilt(clips, 0, "transcript", words_)
    table = frame(bad)
    table.loc[0, "clip"] = '"><img src=x>'
    markup = plots.clip_player(PreparedClips(table, clips.metadata), 0)._repr_html_()
    assert "<script" not in markup and "<b>" not in markup and "<img" not in markup
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; &lt;b&gt;" in markup
    assert bad.transcript(0) == words_


def test_a_broken_clip_is_no_empty_player(clips):
    blob = clips._blobs("video")[6]
    bad = rebuilt(clips, 6, "video", blob[: len(blob) * 2 // 3])
    with pytest.raises(PreparedError, match="row 6 .*column 'video'.* are not a whole video"):
        plots.clip_player(bad, 6)
