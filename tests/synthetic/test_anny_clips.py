"""`python -m data_prep anny-clips`: sentences, voices, faces, and the file they make."""

import hashlib
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_prep.__main__ import main
from data_prep.synthetic.anny_clips import (
    EMOTIONS,
    Design,
    Job,
    Mix,
    acting,
    clips,
    make,
    prosody,
    speech,
)
from data_prep.synthetic.anny_clips.acting import emotion_curve, gestures, mouth, perform
from data_prep.synthetic.anny_clips.sentences import FEELINGS, QUALITIES, sentence
from data_prep.synthetic.anny_clips.speakers import sample_speaker
from data_prep.synthetic.anny_clips.speech import (
    ACCENTS,
    SAMPLE_RATE,
    VARIANTS,
    Speech,
    Utterance,
    speak,
)
from fermodels.data import EXPRESSIONS, PreparedClips
from fermodels.faces import ACTIONS, Difficulty
from tests.fixtures.processes import ROOT, run_killed

JAW = ACTIONS.index("jawOpen")
BLINK = ACTIONS.index("eyeBlinkLeft")


def random(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


# -------------------------------------------------------------------------------- the sentences


def test_words_belong_to_one_emotion_each():
    assert tuple(FEELINGS) == tuple(QUALITIES) == EMOTIONS == EXPRESSIONS[:7]
    words = [word for table in (FEELINGS, QUALITIES) for own in table.values() for word in own]
    assert len(words) == len(set(words)) == 7 * 14
    assert all(re.fullmatch("[a-z]+", word) for word in words)  # one token of any tokenizer


def test_a_sentence_has_one_telling_word_in_a_neutral_carrier():
    rng = random(0)
    carriers = {}
    for emotion in EMOTIONS:
        own = {*FEELINGS[emotion], *QUALITIES[emotion]}
        seen = set()
        for _ in range(600):
            text = sentence(rng, emotion)
            assert text[0].isupper() and text[-1] == "." and 5 <= len(text.split()) <= 9, text
            words = text[:-1].lower().split()
            telling = [word for word in words if word in own]
            assert len(telling) == 1, text
            seen.add(telling[0])
            carriers.setdefault(emotion, set()).update(set(words) - own)
        assert seen == own
    # Not a word of the carrier tells the emotion, not even a or an.
    assert len(set(map(frozenset, carriers.values()))) == 1
    assert len(carriers["happy"]) > 40 and not carriers["happy"] & {"a", "an"}


def test_no_words_for_an_unknown_emotion():
    with pytest.raises(ValueError, match="no words for 'content': there are some for afraid"):
        sentence(random(0), "content")


# ----------------------------------------------------------------------------------- the voices


HELLO = Utterance("The box at home was plain.", "en-us+f2", 190, 50, 50)


def test_the_same_words_give_the_same_samples_whatever_was_said_before_and_when():
    first = speak(HELLO)
    speak(replace(HELLO, text="Something else was said.", voice="en-029+Alicia", rate=300))
    time.sleep(1.1)  # eSpeak NG seeds its noise from the clock, in seconds
    again = speak(HELLO)
    assert first.samples.tobytes() == again.samples.tobytes()
    assert first.phonemes == again.phonemes
    assert first.samples.dtype == np.float32 and 0.05 < np.abs(first.samples).max() < 1
    assert 1.0 < first.seconds < 2.5


def test_rate_pitch_and_voice_change_what_is_heard():
    plain = speak(HELLO)
    assert speak(replace(HELLO, rate=280)).seconds < 0.8 * plain.seconds
    high, low = (fundamental(speak(replace(HELLO, pitch=p)).samples) for p in (90, 10))
    assert high > 1.3 * low
    male = fundamental(speak(replace(HELLO, voice="en-us+m3")).samples)
    assert male < 0.7 * fundamental(plain.samples)


def fundamental(samples: np.ndarray) -> float:
    """Median pitch in Hz, by autocorrelation."""
    found = []
    for start in range(0, len(samples) - 800, 400):
        piece = samples[start : start + 800] * np.hanning(800)
        likeness = np.fft.irfft(np.abs(np.fft.rfft(piece, 2048)) ** 2)[:250]
        lag = 40 + likeness[40:].argmax()
        if likeness[lag] > 0.35 * likeness[0] > 0.1:
            found.append(SAMPLE_RATE / lag)
    return float(np.median(found))


def test_phonemes_come_in_order_and_name_the_sounds():
    said = speak(HELLO)
    starts = [start for start, _ in said.phonemes]
    assert starts == sorted(starts) and starts[0] >= 0 and starts[-1] <= said.seconds + 0.01
    sounds = "".join(symbol for _, symbol in said.phonemes)
    assert sounds.index("b") < sounds.index("h") < sounds.index("pl")


def test_all_voices_exist():
    data = Path(speech.find_espeak()["data"])
    there = {path.name for path in (data / "voices" / "!v").iterdir()}
    assert set(VARIANTS["female"] + VARIANTS["male"]) <= there
    assert not set(VARIANTS["female"]) & set(VARIANTS["male"])
    for accent in ACCENTS:
        assert speak(replace(HELLO, voice=f"{accent}+f1", text="Plain.", rate=300)).seconds > 0.1


@pytest.mark.parametrize(
    "voice, message",
    [("en-us+f99", "no voice variant 'f99'"), ("en-moon+f1", "no voice 'en-moon'")],
)
def test_a_voice_that_there_is_not_is_refused(voice, message):
    with pytest.raises(ValueError, match=message):
        speak(replace(HELLO, voice=voice))


def test_without_espeak_it_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    assert main(["anny-clips", str(tmp_path / "a.parquet")]) == 2
    assert "pip install espeakng-loader" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_dead_synthesiser_is_reported(monkeypatch):
    nowhere = {"library": "/nowhere/espeak.so", "data": "/nowhere"}
    monkeypatch.setattr(speech, "find_espeak", lambda: nowhere)
    with pytest.raises(ValueError, match="/nowhere/espeak.so"):
        speak(replace(HELLO, voice="en-us"))


# ---------------------------------------------------------------------------------- the prosody


VOICE = prosody.Voice("en-us+f2", rate=190.0, pitch=50.0, gain=0.0)


def test_emotions_have_their_prosody():
    means = {}
    for emotion in EMOTIONS:
        all_of = [prosody.deliver(random(i), VOICE, "x", emotion, 1.5) for i in range(60)]
        means[emotion] = np.mean(
            [(d.utterance.rate, d.utterance.pitch, d.utterance.range, d.gain) for d in all_of], 0
        )
        assert len({d.utterance for d in all_of}) > 50
    table = np.stack(list(means.values()))
    rate, pitch, spread, gain = (dict(zip(means, column, strict=True)) for column in table.T)
    assert max(rate, key=rate.get) == "afraid" and min(rate, key=rate.get) == "sad"
    assert max(pitch, key=pitch.get) == "afraid" and min(pitch, key=pitch.get) == "sad"
    assert max(spread, key=spread.get) == "surprised" and min(spread, key=spread.get) == "sad"
    assert max(gain, key=gain.get) == "angry" and min(gain, key=gain.get) == "sad"
    assert abs(rate["neutral"] - 190) < 6 and abs(gain["neutral"]) < 1


def test_strength_scales_it_and_settings_stay_in_range():
    louder = [prosody.deliver(random(1), VOICE, "x", "angry", s).gain for s in (0.0, 1.0, 2.0)]
    assert np.allclose(np.diff(louder), 5.0)
    for emotion in EMOTIONS:
        d = prosody.deliver(random(2), VOICE, "x", emotion, 30.0)
        assert 80 <= d.utterance.rate <= 450
        assert 0 <= d.utterance.pitch <= 100 and 0 <= d.utterance.range <= 100


def test_a_track_has_the_length_the_level_and_the_color_asked_for():
    rng = random(3)
    noise = (0.01 * rng.standard_normal(SAMPLE_RATE)).astype(np.float32)

    def track(gain: float = 0.0, tilt: float = 0.0, samples: np.ndarray = noise) -> np.ndarray:
        return prosody.record(random(4), samples, prosody.Delivery(HELLO, gain, tilt), 0.25, 2.0)

    plain = track()
    assert plain.shape == (2 * SAMPLE_RATE,) and plain.dtype == np.float32
    words = slice(SAMPLE_RATE // 4, 5 * SAMPLE_RATE // 4)
    assert abs(level(plain[words]) - prosody.LEVEL) < 0.3
    assert abs(level(plain[: SAMPLE_RATE // 4]) - prosody.ROOM) < 1
    # Whatever the synthesiser's own level, the emotion's gain is what is heard.
    assert abs(level(track(6.0, samples=3 * noise)[words]) - prosody.LEVEL - 6) < 0.5
    assert brightness(track(tilt=0.4)[words]) > brightness(plain[words]) + 300
    assert brightness(track(tilt=-0.4)[words]) < brightness(plain[words]) - 300
    assert np.abs(track(40.0)).max() <= 1


def level(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


def brightness(samples: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float((power * np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)).sum() / power.sum())


# ---------------------------------------------------------------------------------- the mixture


def test_a_mix_matches_calms_and_misleads_in_its_shares():
    mix, rng = Mix(0.6, 0.25, 0.7), random(5)
    drawn = [mix.draw(rng, "happy") for _ in range(4000)]
    assert abs(np.mean([d == "happy" for d in drawn]) - 0.6) < 0.03
    assert abs(np.mean([d == "neutral" for d in drawn]) - 0.25) < 0.03
    assert set(drawn) == set(EMOTIONS)
    drawn = [mix.draw(rng, "neutral") for _ in range(4000)]
    assert abs(np.mean([d == "neutral" for d in drawn]) - 0.7) < 0.03
    assert {Mix(1, 0, 1).draw(rng, emotion) for emotion in EMOTIONS} == set(EMOTIONS)


def test_what_a_modality_shows_is_drawn_by_itself():
    design = Design(face=Mix(0.5, 0.3, 0.8), voice=Mix(0.5, 0.3, 0.8), text=Mix(0.5, 0.3, 0.8))
    job, shown = Job(takes=3, design=design), []
    for index in range(60):
        speaker = sample_speaker(random(index), index, 60, design.people)
        for plan in clips.plan_clips(job, index, speaker):
            if plan.emotion != "neutral":
                shown.append([x == plan.emotion for x in (plan.face, plan.voice, plan.text)])
    assert len(shown) == 60 * 6 * 3
    assert np.abs(np.mean(shown, axis=0) - 0.5).max() < 0.06
    agreement = np.corrcoef(np.array(shown).T)
    assert np.abs(agreement[~np.eye(3, dtype=bool)]).max() < 0.1


def test_speakers_are_women_then_men_with_voices_of_their_own():
    speakers = [sample_speaker(random(i), i, 5, Difficulty()) for i in range(5)]
    assert [s.name for s in speakers] == ["F01", "F02", "F03", "M01", "M02"]
    for speaker in speakers:
        accent, variant = speaker.voice.name.split("+")
        assert accent in ACCENTS and variant in VARIANTS[speaker.gender]
        assert 18 <= speaker.age <= 60 and speaker.person.gender == speaker.gender
    assert len({(s.voice.rate, s.voice.pitch, s.session) for s in speakers}) == 5


# ----------------------------------------------------------------------------------- the acting

TIMES = np.arange(16) / 8


def test_an_emotion_rises_holds_and_falls_at_times_of_its_own():
    curves = np.stack([emotion_curve(random(i), TIMES) for i in range(200)])
    assert curves.min() >= 0 and curves.max() <= 1
    assert (curves.max(axis=1) > 0.9).all()
    assert (curves[:, 0] < 0.7).all() and (curves[:, -1] < curves.max(axis=1)).all()
    peak = curves.argmax(axis=1)
    assert len(set(peak)) > 3 and 3 <= np.median(peak) <= 10
    for curve, top in zip(curves, peak, strict=True):  # one rise, one fall
        assert (np.diff(curve[: top + 1]) >= -1e-9).all() and (np.diff(curve[top:]) <= 1e-9).all()


def test_lips_follow_the_phonemes_and_the_jaw_the_sound():
    track = np.zeros(2 * SAMPLE_RATE, np.float32)
    track[SAMPLE_RATE // 2 : 3 * SAMPLE_RATE // 2] = 0.3
    said = ((0.5, "ˈɑː"), (1.0, "m"), (1.25, "uː"), (1.5, ""))
    at = mouth(track, said, TIMES)
    assert at.shape == (16, 52) and at.min() >= 0
    frame = {name: ACTIONS.index(name) for name in ("mouthPressLeft", "mouthPucker")}
    assert at[6, JAW] > 0.5 and at[2, JAW] == 0 and at[14, JAW] < 0.02
    assert at[9, JAW] < 0.1 < at[9, frame["mouthPressLeft"]]
    assert at[11, frame["mouthPucker"]] > 0.3 > at[6, frame["mouthPucker"]] + 0.2
    quiet = mouth(np.where(np.arange(len(track)) < SAMPLE_RATE, 0.03 * track, track), said, TIMES)
    assert quiet[6, JAW] < 0.7 * at[6, JAW]


def test_blinks_are_short():
    closed = np.stack([gestures(random(i), TIMES)[:, BLINK] for i in range(100)])
    assert 0.5 < (closed > 0.5).any(axis=1).mean() < 0.9
    assert (closed > 0.5).sum(axis=1).max() <= 6


def test_a_performance_shows_its_emotion_at_the_apex_and_moves_the_head():
    person = sample_speaker(random(1), 0, 2, Difficulty()).person
    silence = np.zeros(2 * SAMPLE_RATE, np.float32)
    silence[:50] = 0.5  # a click at the first frame: loudness is relative
    smile = ACTIONS.index("mouthSmileLeft")

    def act(emotion: str, strength: float = 1.0, seed: int = 0, track: np.ndarray = silence):
        return perform(random(seed), person, emotion, strength, track, (), TIMES, Difficulty())

    happy = act("happy")
    assert happy.actions.shape == (16, 52) and happy.actions.dtype == np.float32
    assert happy.actions.min() >= 0 and happy.actions.max() <= 1 and happy.poses.shape == (16, 3)
    apex = happy.level.argmax()
    assert happy.actions[apex, smile] > 0.5 > happy.actions[0, smile]
    assert act("happy", 0.4).actions[apex, smile] < 0.6 * happy.actions[apex, smile]
    assert act("neutral").actions[:, smile].max() < 0.3
    # Speaking takes the lips.
    loud = np.full_like(silence, 0.2)
    spoken = act("happy", track=loud).actions[apex, smile]
    assert 0.4 * happy.actions[apex, smile] < spoken < 0.7 * happy.actions[apex, smile]
    poses = np.stack([act("neutral", seed=i).poses for i in range(20)])
    assert 0.3 < np.ptp(poses, axis=1).mean() < 12


# ------------------------------------------------------------------------------------- the file


class Strokes:
    """Stands in for the renderer: a grey that tells who and which camera."""

    asked: list[dict] = []

    def __init__(self, size: int) -> None:
        self.size = size

    def render(self, person, session, actions, yaws, poses):
        self.asked.append({"session": session, "yaw": yaws[0], "actions": actions, "poses": poses})
        frames = np.full((len(actions), 1, self.size, self.size, 3), 90, np.uint8)
        frames[..., 0] = np.uint8(90 + yaws[0])
        frames[:, 0, :, :, 1] += (100 * actions[:, JAW]).astype(np.uint8)[:, None, None]
        return frames

    def close(self) -> None:
        pass


@pytest.fixture
def mute(inline, monkeypatch):
    """The same without a head model and a synthesiser: strokes and a hum, as long as the words."""
    monkeypatch.setattr(Strokes, "asked", [])
    monkeypatch.setattr(clips, "FaceRenderer", Strokes)
    monkeypatch.setattr(clips, "head_model", lambda: None)

    def hum(utterance: Utterance) -> Speech:
        seconds = 11.0 * len(utterance.text) / utterance.rate
        wave = 0.1 * np.sin(np.arange(round(seconds * SAMPLE_RATE)) * 0.06)
        return Speech(wave.astype(np.float32), ((0.0, "ɑ"), (0.5, "m"), (0.8, "")))

    monkeypatch.setattr(clips, "speak", hum)
    return inline


@pytest.fixture
def hollow(mute, monkeypatch):
    """The same, with digests in place of encoded videos and sounds."""

    def digest(array: np.ndarray, *options, **more) -> bytes:
        return hashlib.sha256(array.tobytes()).digest()

    monkeypatch.setattr(clips, "encode_video", digest)
    monkeypatch.setattr(clips, "encode_audio", digest)
    return mute


def test_rows_and_columns(mute, tmp_path):
    prepared = make(tmp_path / "a.parquet", subjects=2, takes=2, size=16, seed=3)
    table = prepared.table
    assert len(prepared) == 2 * 2 * 7 and all(have.all() for have in prepared.present.values())
    assert list(table) == [
        *("transcript", "clip", "subject", "emotion"),
        *("face_emotion", "voice_emotion", "text_emotion", "intensity", "yaw", "duration"),
        *("gender", "age", "voice"),
    ]
    assert prepared.emotions == EMOTIONS
    assert (table.groupby(["subject", "emotion"]).size() == 2).all()
    assert table["clip"].tolist()[:3] == ["F01-afraid-1", "F01-afraid-2", "F01-angry-1"]
    assert table["yaw"].between(-60, 60).all() and table["yaw"].nunique() == 28
    assert table["duration"].between(1.6, 2.63).all()
    assert ((table["intensity"] == 0) == (table["face_emotion"] == "neutral")).all()
    low, high = Design().face_strength
    assert table["intensity"][table["intensity"] > 0].between(low, high).all()
    for row in (0, 11, 27):
        frames, fps = prepared.frames(row)
        assert fps == 8 and frames.shape == (round(8 * table["duration"][row]), 16, 16, 3)
        waveform = prepared.waveform(row)
        assert len(waveform) == round(SAMPLE_RATE * table["duration"][row])
        own = FEELINGS | {}
        word = table["text_emotion"][row]
        assert any(w in prepared.transcript(row) for w in (*own[word], *QUALITIES[word]))
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_light_and_wall_belong_to_the_speaker_the_camera_to_the_clip(hollow):
    for index in range(3):
        clips.clips_of(Job(subjects=4, takes=1, size=16), index)
    assert len(Strokes.asked) == 21
    assert len({call["session"] for call in Strokes.asked}) == 3
    assert {len(call["session"].cameras) for call in Strokes.asked} == {1}
    assert len({call["yaw"] for call in Strokes.asked}) == 21


def test_a_speaker_does_not_depend_on_the_others(hollow):
    job = Job(subjects=4, takes=1, size=16, seed=3)
    alone = clips.clips_of(job, 1).fingerprint()
    clips.clips_of(job, 0)
    assert clips.clips_of(job, 1).fingerprint() == alone
    assert clips.clips_of(replace(job, seed=4), 1).fingerprint() != alone


def test_metadata_say_how_to_make_it_again_and_what_is_not_ours(hollow):
    metadata = clips.clips_of(Job(subjects=2, takes=1, size=16, seed=7), 0).metadata
    assert metadata["name"] == "anny-clips" and metadata["licence"] == "CC0-1.0"
    assert metadata["version"] and metadata["sample_rate"] == SAMPLE_RATE
    assert metadata["command"].endswith("--subjects 2 --takes 1 --size 16 --seed 7")
    assert "eSpeak NG (GPL-3.0-or-later)" in metadata["description"]
    assert metadata["settings"]["design"]["face"]["match"] == Design().face.match


def test_settings_name_all_that_a_file_depends_on(monkeypatch):
    job = Job()
    prints = {job.fingerprint()}
    for change in (
        {"subjects": 3},
        {"takes": 2},
        {"size": 32},
        {"seed": 1},
        {"quality": 9},
        {"bit_rate": 9000},
        {"design": Design(face_strength=(0.1, 0.2))},
    ):
        prints.add(replace(job, **change).fingerprint())
    assert len(prints) == 8 and Job().fingerprint() == job.fingerprint()
    monkeypatch.setitem(prosody.PROSODY, "sad", (1, 0, 0, 0, 0))
    assert job.fingerprint() not in prints


def test_what_is_too_long_is_said_faster(monkeypatch):
    rates = []

    def slow(utterance: Utterance) -> Speech:
        rates.append(utterance.rate)
        return Speech(np.zeros(round(500 / utterance.rate * SAMPLE_RATE), np.float32), ())

    monkeypatch.setattr(clips, "speak", slow)
    delivery = prosody.Delivery(replace(HELLO, rate=100), 0.0, 0.0)
    plan = clips.Plan("a", "sad", "sad", "sad", "sad", "Words.", delivery, 0)
    new, said = clips.say(plan)
    assert said.seconds <= 2.625 - sum(clips.SILENCE) and len(rates) == 2
    assert new.delivery.utterance.rate == rates[-1] > 200


# -------------------------------------------------------------------------------- interruptions


def test_interrupted_it_goes_on_where_it_stopped(hollow, tmp_path):
    out = tmp_path / "clips.parquet"
    hollow.stop_before = 2
    with pytest.raises(KeyboardInterrupt):
        make(out, subjects=4, takes=1, size=16)
    assert not out.exists()
    before = list(hollow.done)
    assert before == [0, 1, 3]

    hollow.stop_before, hollow.done = None, []
    prepared = make(out, subjects=4, takes=1, size=16)
    assert hollow.done == [2]
    assert list(dict.fromkeys(prepared.table["subject"])) == ["F01", "F02", "M01", "M02"]
    assert [path.name for path in tmp_path.iterdir()] == ["clips.parquet"]

    make(tmp_path / "whole.parquet", subjects=4, takes=1, size=16)
    assert (tmp_path / "whole.parquet").read_bytes() == out.read_bytes()


@pytest.mark.parametrize("change", [{"seed": 1}, {"takes": 2}, {"design": Design(yaw=(0.0, 1.0))}])
def test_other_settings_start_again(hollow, tmp_path, change):
    settings = {"subjects": 2, "takes": 1, "size": 16, "seed": 0}
    hollow.stop_before = 1
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "clips.parquet", **settings)
    hollow.stop_before, hollow.done = None, []
    make(tmp_path / "clips.parquet", **settings | change)
    assert hollow.done == [0, 1]


@pytest.mark.slow
def test_the_seed_gives_the_bytes_even_after_a_kill(inline, tmp_path):
    """Two real speakers; SIGKILL of the command when the first is there; gone on with here."""
    killed = tmp_path / "killed.parquet"
    folder = tmp_path / "killed.parquet.parts"
    done = run_killed(
        *("anny-clips", killed, "--subjects", "2", "--takes", "1"),
        *("--size", "16", "--seed", "7", "--jobs", "1"),
        when=lambda: sorted(folder.glob("0*.parquet")),
    )
    assert [path.name for path in done] == ["00000.parquet"] and not killed.exists()

    settings = {"subjects": 2, "takes": 1, "size": 16, "seed": 7}
    assert len(make(killed, **settings)) == 14
    assert inline.done == [1] and not folder.exists()
    # Another process made the first speaker of one file; this one makes both of the other.
    make(tmp_path / "whole.parquet", **settings)
    assert (tmp_path / "whole.parquet").read_bytes() == killed.read_bytes()


# ---------------------------------------------------------------------------------- the command


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--size", "15"], "--size must be an even number of pixels, 16 to 512, got 15"),
        (["--size", "81"], "--size must be an even number"),
        (["--size", "514"], "--size must be an even number"),
        (["--subjects", "0"], "--subjects must be at least 1, got 0"),
        (["--takes", "0"], "--takes must be at least 1, got 0"),
        (["--jobs", "0"], "--jobs must be at least 1, got 0"),
        (["--seed", "-1"], "--seed must be 0 or more, got -1"),
    ],
)
def test_bad_options_are_refused_before_anything_is_made(tmp_path, capsys, arguments, message):
    assert main(["anny-clips", str(tmp_path / "a.parquet"), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("data_prep: ") and message in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.csv", "nowhere/a.parquet"])
def test_a_bad_place_is_refused(tmp_path, capsys, name):
    assert main(["anny-clips", str(tmp_path / name)]) == 2
    assert "must be a .parquet file in a folder that exists" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_progress_bar_counts_clips(hollow, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("FERMODELS_PROGRESS")
    monkeypatch.delenv("CI", raising=False)
    arguments = ["--subjects", "2", "--takes", "1", "--size", "16"]
    assert main(["anny-clips", str(tmp_path / "a.parquet"), *arguments]) == 0
    assert "14/14" in capsys.readouterr().err


# -------------------------------------------------------------------------- the file that ships


@pytest.fixture(scope="module")
def shipped():
    return PreparedClips.read(ROOT / "data" / "anny_clips.parquet")


def test_the_shipped_file_is_as_promised(shipped):
    table = shipped.table
    assert len(shipped) == 1260 and table["subject"].nunique() == 60
    assert (table.groupby(["subject", "emotion"]).size() == 3).all()
    assert all(have.all() for have in shipped.present.values())
    assert (ROOT / "data" / "anny_clips.parquet").stat().st_size <= 15.5e6
    by = table.groupby("subject")["gender"].first().value_counts()
    assert by.to_dict() == {"female": 30, "male": 30}
    assert table["voice"].nunique() >= 40
    parts_of = shipped.split()
    assert {name: shipped.table["subject"][rows].nunique() for name, rows in parts_of.items()} == {
        "train": 36,
        "val": 10,
        "test": 14,
    }
    frames, fps = shipped.frames(500)
    assert fps == 8 and frames.shape[1:] == (80, 80, 3)
    assert shipped.metadata["settings"]["design"]["face"]["match"] == Design().face.match


def test_its_words_are_known_from_training_but_rare(shipped):
    train = shipped.table.iloc[shipped.split()["train"]]
    said = " ".join(train["transcript"]).lower().replace(".", "").split()
    counts = [said.count(w) for t in (FEELINGS, QUALITIES) for own in t.values() for w in own]
    assert 5 <= np.median(counts) <= 12 and np.mean(np.array(counts) == 0) < 0.03


def test_the_jaw_that_is_seen_follows_the_sound_that_is_heard(shipped):
    """Below the nose, images change more where the sound is loud than where it is not."""
    change, quiet = [], []
    for row in range(0, 210, 15):
        frames, _ = shipped.frames(row)
        size = frames.shape[1]
        lower = frames[:, size // 2 :].astype(float).mean(axis=3)
        loud = prosody.loudness(shipped.waveform(row), np.arange(len(frames)) / 8)
        rest = lower[loud < 0.2]
        if len(rest) and (loud > 0.7).any():
            change.append(np.abs(lower[loud > 0.7] - rest.mean(0)).mean())
            quiet.append(np.abs(rest - rest.mean(0)).mean())
    assert len(change) >= 5 and np.median(change) > 1.2 * np.median(quiet)


def test_acting_knows_the_letters_of_english():
    """Nearly all that eSpeak NG says moves the mouth."""
    said = speak(Utterance("We saw the very charming big blue fox jump.", "en+m1", 170, 50, 50))
    symbols = [symbol.lstrip("ˈˌː")[:1] for _, symbol in said.phonemes if symbol.strip()]
    known = [symbol in acting._BY_LETTER for symbol in symbols]
    assert np.mean(known) > 0.95, [s for s, k in zip(symbols, known, strict=True) if not k]
