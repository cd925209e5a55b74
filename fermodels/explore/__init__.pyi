from .embedding_explorer import EmbeddingExplorer as EmbeddingExplorer
from .face_lab import FaceLab as FaceLab
