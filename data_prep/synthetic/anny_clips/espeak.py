"""One utterance by eSpeak NG, as a program of its own: `speech.py` runs it afresh for each.

Reads JSON from standard input (library, data, text, voice, rate, pitch, range), writes a line of
JSON (phonemes: [milliseconds, IPA] each; or error) and then the samples, 22,050 Hz, int16. Only
the standard library is imported, so that it starts in a moment.
"""

import ctypes
import json
import os
import sys

RATE = 22_050
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _IPA, _DONT_EXIT = 0x0001, 0x0002, 0x8000
_PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}
_UTF8 = 1
_LIST_END, _PHONEME = 0, 7


class _Content(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    ]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # milliseconds
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Content),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def synthesise(order: dict) -> tuple[bytes, list]:
    """Samples and phonemes of an order.

    Raises:
        ValueError: a voice that there is not.
    """
    data, (accent, _, variant) = order["data"], order["voice"].partition("+")
    # eSpeak NG answers an unknown variant with the plain voice and says nothing.
    if variant and not os.path.isfile(os.path.join(data, "voices", "!v", variant)):
        raise ValueError(f"eSpeak NG in {data} has no voice variant {variant!r}")
    espeak = ctypes.CDLL(order["library"])
    options = _PHONEME_EVENTS | _IPA | _DONT_EXIT
    rate = espeak.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), options)
    if rate != RATE:
        raise ValueError(f"eSpeak NG in {order['library']} does not start (it answered {rate})")
    # The breath of some voices is noise, which it has just seeded from the clock.
    espeak.espeak_ng_SetRandSeed(ctypes.c_long(1))
    samples, phonemes = bytearray(), []

    def collect(wave, count, events):
        if wave and count > 0:
            samples.extend(ctypes.string_at(wave, 2 * count))
        at = 0
        while events[at].type != _LIST_END:
            if events[at].type == _PHONEME:
                symbol = events[at].id.string.decode("utf-8", "replace")
                phonemes.append((events[at].audio_position, symbol))
            at += 1
        return 0

    callback = _Callback(collect)  # must live as long as eSpeak NG may call it
    espeak.espeak_SetSynthCallback(callback)
    if espeak.espeak_SetVoiceByName(order["voice"].encode()) != 0:
        raise ValueError(f"eSpeak NG in {data} has no voice {accent!r}")
    for name, number in _PARAMETERS.items():
        espeak.espeak_SetParameter(number, order[name], 0)
    text = order["text"].encode() + b"\0"
    espeak.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 1, 0, _UTF8, None, None)
    espeak.espeak_Synchronize()
    if not samples:
        raise ValueError(f"eSpeak NG said nothing for {order['text']!r}")
    return bytes(samples), phonemes


def main() -> None:
    try:
        samples, phonemes = synthesise(json.load(sys.stdin))
        answer = {"phonemes": phonemes}
    except (OSError, ValueError) as error:
        samples, answer = b"", {"error": str(error)}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + samples)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
