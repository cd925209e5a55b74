from .camera_lab import CameraLab as CameraLab
from .embedding_explorer import EmbeddingExplorer as EmbeddingExplorer
from .face_lab import FaceLab as FaceLab
from .own_file import merge_people as merge_people
