"""Every importer, also one that is new, is given what lies beside its data set, and other data
sets: damaged, under names of any grammar. It says what it makes of each file."""

import io

import pandas as pd
import pytest
from PIL import Image

from data_prep.__main__ import IMPORTERS
from tests.importers.fixtures.clips import sound_bytes, video_bytes, write
from tests.importers.fixtures.damage import damaged, inputs, thrower
from tests.importers.fixtures.images import faces
from tests.importers.fixtures.importing import reasons

AT_ONCE = 10
# A pattern, where an importer does not know how its files are called.
NEEDED = {"ddcf": ("--pattern", r"(?P<subject>\w+)/(?P<expression>\w+)/(?P<view>\w+)")}
NAMES = (
    "KDEF/AF01/AF01ANFL.JPG", "KDEF/AF01/AF31V.JPG", "KDEF/BM10/BM10HAS.jpg",
    "ann/happy/straight.jpg", "ann/happy/full_left_2.png", "train/happy/im01.webp",
    "m--20180227--0000--6795937--GHS/KRT",
    "m--20180227--0000--6795937--GHS/images/E001_Neutral_Eyes_Open/400002/000102.png",
    "Rafd090_01_Caucasian_female_angry_frontal.jpg", "Rafd000_63_Moroccan_male_sad_left.jpg",
    "images/raw/MF0004_0001_std_neu_l90.jpg",
    "session01/multiview/001/01/05_1/001_01_01_051_07.png",
    "Image/aligned/train_00001_aligned.jpg", "EmoLabel/list_patition_label.txt", "fer2013.csv",
    "fer2013new.csv", "FER2013Train/fer0000001.png", "CAER/train/Anger/0001.avi",
    "CAER-S/test/Angry/0001.png", "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4", "vox2_meta.csv",
    "train_sent_emo.csv", "train_splits/dia0_utt0.mp4", "dev_splits_complete/dia0_utt0.MOV",
    "Actor_01/01-01-05-02-01-02-01.mp4", "Actor_01/03-01-05-02-01-02-01.wav", "labels.csv",
    "CMU_MOSEI_Labels.csd", "Raw/Videos/Full/Combined/100234.mp4", "a/b/._c.jpg", "Thumbs.db",
    "M003/video/front/angry/level_1/001.mp4", "M003/audio/angry/level_1/001.m4a",
    "W009/video.tar", "VideoFlash/1001_IEO_ANG_HI.flv", "AudioWAV/1001_IEO_ANG_HI.wav",
    "VideoDemographics.csv", "processedResults/summaryTable.csv", "README", "no.ending.",
    "nested.zip", "é/ü/日本.jpg",
)  # fmt: skip


@pytest.fixture(scope="module")
def wholes():
    """Sound files of all kinds."""
    buffer = io.BytesIO()
    Image.fromarray(faces().images([0])[0]).resize((40, 50)).save(buffer, "PNG")
    table = b"file,subject,expression,Emotion,Dialogue_ID,split\r\na.jpg,ann,happy,joy,0,train\r\n"
    return [buffer.getvalue(), video_bytes(0, size=32), sound_bytes(0), table]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", IMPORTERS)
def test_every_importer_says_what_it_makes_of_strangers(run, tmp_path, wholes, name):
    options = ("--size", "16", "--jobs", "1", "--crop", "none", *NEEDED.get(name, ()))
    thrown = thrower(run, tmp_path, pd.read_parquet, options)
    given = [(rng, number) for number, rng in inputs(f"strangers to {name}")]
    for start in range(0, len(given), AT_ONCE):
        raw = tmp_path / f"raw{start}"
        for rng, number in given[start : start + AT_ONCE]:
            whole = rng.choice(wholes)
            data = damaged(whole, rng) if number % 3 else whole
            write(raw / f"{number % 2}" / rng.choice(NAMES), data)
        _, error, about = thrown(name, raw)
        why = reasons(about).values()
        assert all(3 < len(reason) < 600 for reason in why) and len(error) < 9000
        assert not [reason for reason in why if reason.startswith("cannot be used (")]
