"""Speech by eSpeak NG: words in, 16 kHz samples and the times of the phonemes out.

eSpeak NG (GPLv3, in the wheel of `espeakng-loader`) carries state from one utterance to the next,
so each is spoken by a fresh process: only then does the same text in the same voice give the same
samples whatever was said before.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from data_prep.synthetic.anny_clips import espeak

SAMPLE_RATE = 16_000
_VOLUME = 50  # louder ones clip inside the synthesiser; level is set afterwards

ACCENTS = (
    "en-us",
    "en-us-nyc",
    "en",  # British, the plain one
    "en-gb-x-rp",
    "en-gb-scotland",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-029",
)
VARIANTS = {
    "female": (
        *("f1", "f2", "f3", "f4", "f5", "Alicia", "Andrea", "Annie", "anika", "aunty"),
        *("belinda", "grandma", "linda", "shelby", "steph"),
    ),
    "male": (
        *("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "Alex", "Andy", "Denis", "Gene"),
        *("Lee", "Michael", "Mike", "max", "norbert", "robert", "sandro", "travis"),
    ),
}


@dataclass(frozen=True)
class Utterance:
    """What the synthesiser is asked to say.

    Attributes:
        text: plain words.
        voice: accent+variant, such as "en-us+f2".
        rate: words a minute, 80…450.
        pitch, range: 0…100, 50 is the voice's own.
    """

    text: str
    voice: str
    rate: int
    pitch: int
    range: int


@dataclass(frozen=True)
class Speech:
    """What it said.

    Attributes:
        samples: float32 (S,), 16 kHz, as the synthesiser made them, in [−1, 1].
        phonemes: (seconds from the start, IPA) of each; "" is silence.
    """

    samples: np.ndarray
    phonemes: tuple[tuple[float, str], ...]

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


def find_espeak() -> dict[str, str]:
    """Where eSpeak NG's library and data are.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import espeakng_loader
    except ImportError as error:
        raise ValueError(
            "making Anny Clips needs eSpeak NG: pip install espeakng-loader (the finished data "
            "set and the course do not)"
        ) from error
    return {
        "library": str(espeakng_loader.get_library_path()),
        "data": str(espeakng_loader.get_data_path()),
    }


def speak(utterance: Utterance) -> Speech:
    """Says it.

    Raises:
        ValueError: a voice that this eSpeak NG does not have.
    """
    order = find_espeak() | asdict(utterance) | {"volume": _VOLUME}
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(Path(espeak.__file__))],
        input=json.dumps(order).encode(),
        capture_output=True,
    )
    head, _, raw = done.stdout.partition(b"\n")
    if done.returncode or not head:
        reason = done.stderr.decode(errors="replace").strip()
        raise ValueError(f"eSpeak NG failed on {utterance}: {reason or done.returncode}")
    answer = json.loads(head)
    if "error" in answer:
        raise ValueError(answer["error"])
    phonemes = tuple((start / 1000, symbol) for start, symbol in answer["phonemes"])
    return Speech(_resample(np.frombuffer(raw, dtype="<i2")), phonemes)


def _resample(raw: np.ndarray) -> np.ndarray:
    from scipy.signal import resample_poly

    divisor = int(np.gcd(SAMPLE_RATE, espeak.RATE))
    out = resample_poly(raw / 2.0**15, SAMPLE_RATE // divisor, espeak.RATE // divisor)
    return out.astype(np.float32)
