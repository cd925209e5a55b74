"""Sentences → features: TF-IDF with truncated SVD."""

# No `from __future__ import annotations` here: the Hub mixin reads the annotations as types.
import re
from collections import Counter
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from fermodels._shared.digests import json_digest
from fermodels.features.backbone import FeatureError, digest
from fermodels.features.sentences import vary_sentence
from fermodels.models.saving import SavedModule

_WORD = re.compile(r"(?u)\b\w\w+\b")  # as scikit-learn's: two letters or more


class TfidfSvd(SavedModule):
    """Term frequency × inverse document frequency, length 1, in the main directions of its fit.

    The same numbers as scikit-learn's `TfidfVectorizer()` and `TruncatedSVD`, with which it is
    fitted, but without them, and without pickle: words are in the config, the rest in buffers.
    Words that were not in the fit are passed over; a sentence of such words only is all zeros.

    Args:
        vocabulary: the words, sorted.
        dim: number of features D.
        fitted_on: digest of the sentences of the fit.

    Example:
        >>> model = TfidfSvd.fit(["what a happy day", "a sad day"], dim=2)
        >>> model(["happy", "unheard of"]).shape
        torch.Size([2, 2])
    """

    def __init__(self, vocabulary: Sequence[str], dim: int, fitted_on: str = ""):
        super().__init__()
        self.vocabulary, self.dim, self.fitted_on = tuple(vocabulary), dim, fitted_on
        self._index = {word: i for i, word in enumerate(self.vocabulary)}
        self.register_buffer("idf", torch.ones(len(self.vocabulary)))
        self.register_buffer("components", torch.zeros(dim, len(self.vocabulary)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.vocabulary):,} words, dim={self.dim})"

    @property
    def name(self) -> str:
        # Not of the buffers: their last bits may differ between machines.
        return f"tfidf@{digest([1, self.dim, self.fitted_on])}"

    @classmethod
    def fit(cls, sentences: Sequence[str], dim: int = 100) -> "TfidfSvd":
        """Fit on sentences; fewer sentences or words than `dim` give as many features as they are.

        Raises:
            FeatureError: there is no sentence with a word of two letters.
        """
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer
        from threadpoolctl import threadpool_limits

        sentences = [sentence for sentence in sentences if _WORD.search(sentence)]
        if not sentences:
            raise FeatureError(
                "'tfidf' has no sentences to be fitted on: the training rows have no transcript. "
                "Take other training rows, another text backbone, or none"
            )
        vectorizer = TfidfVectorizer()
        matrix = vectorizer.fit_transform(sentences)
        with threadpool_limits(1):  # the number of threads changes the last bits of sums
            svd = TruncatedSVD(min(dim, *matrix.shape), random_state=0).fit(matrix)
        fitted_on = json_digest(sentences)
        model = cls(vectorizer.get_feature_names_out().tolist(), svd.n_components, fitted_on)
        model.idf.copy_(torch.from_numpy(vectorizer.idf_))
        model.components.copy_(torch.from_numpy(svd.components_.copy()))
        return model.eval()

    def forward(self, sentences: Sequence[str]) -> Tensor:
        """N sentences → float32 (N, dim)."""
        if isinstance(sentences, str):
            raise TypeError("TfidfSvd takes a list of sentences, got one string")
        counts = torch.zeros(len(sentences), len(self.vocabulary))
        for row, sentence in enumerate(sentences):
            for word, count in Counter(_WORD.findall(sentence.lower())).items():
                if word in self._index:
                    counts[row, self._index[word]] = count
        weight = F.normalize(counts.to(self.idf.device) * self.idf, dim=1)  # (N, V)
        return weight @ self.components.T  # (N, D)

    @torch.no_grad()
    def augmented(self, sentence: str, generators: Sequence[torch.Generator]) -> Tensor:
        """One sentence → float32 (1 + len(generators), dim)."""
        return self([sentence, *(vary_sentence(sentence, g) for g in generators)])
