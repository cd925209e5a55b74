from .clips import pretrain_clips as pretrain_clips
from .clips import pretrain_video_simclr as pretrain_video_simclr
from .clips import train_clip_classifier as train_clip_classifier
from .images import FROM_SCRATCH as FROM_SCRATCH
from .images import PRETRAINED as PRETRAINED
from .images import PRETRAINING as PRETRAINING
from .images import finetune as finetune
from .images import pretrain as pretrain
