"""Sentences → features: TF-IDF with truncated SVD, or a sentence encoder of Hugging Face."""

# No `from __future__ import annotations` here: the Hub mixin reads the annotations as types.
import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from fermodels.features.backbones import ClipByClip, digest
from fermodels.features.feature_set import FeatureError
from fermodels.features.hugging_face import load
from fermodels.saving import SavedModule

_WORD = re.compile(r"(?u)\b\w\w+\b")  # as scikit-learn's: two letters or more
_DROP = 0.15


def vary_sentence(sentence: str, generator: torch.Generator) -> str:
    """Drop each word with probability 0.15, then swap two words; one word at least stays."""
    words = sentence.split()
    draw = torch.rand(len(words) + 2, dtype=torch.float64, generator=generator)
    kept = [word for word, chance in zip(words, draw[2:].tolist(), strict=True) if chance >= _DROP]
    if not kept:
        kept = [words[int(draw[2:].argmax())]] if words else []
    if len(kept) > 1:
        first = int(draw[0] * len(kept))
        second = (first + 1 + int(draw[1] * (len(kept) - 1))) % len(kept)
        kept[first], kept[second] = kept[second], kept[first]
    return " ".join(kept)


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

    def config(self) -> dict:
        """The arguments of the constructor."""
        return {
            "vocabulary": list(self.vocabulary),
            "dim": self.dim,
            "fitted_on": self.fitted_on,
        }

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
        fitted_on = hashlib.sha256(json.dumps(sentences).encode()).hexdigest()
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
    def copies(self, sentence: str, generators: Sequence[torch.Generator]) -> Tensor:
        """One sentence → float32 (1 + len(generators), dim)."""
        return self([sentence, *(vary_sentence(sentence, g) for g in generators)])


class HuggingFaceText(ClipByClip):
    """Mean over the words of the last hidden states of a sentence encoder of Hugging Face.

    Args:
        source: name on the Hub, "name@revision", or a folder.
        device: where the model runs.

    Raises:
        FeatureError: it cannot be loaded.
        ImportError: `transformers` is not installed.
    """

    def __init__(self, source: str, device: str = "cpu") -> None:
        self.tokenize, self.model = load(source, "AutoTokenizer")
        self.device = torch.device(device)
        self.model.to(self.device)
        if self.tokenize.pad_token is None:
            self.tokenize.pad_token = self.tokenize.eos_token
        self.dim = self.model.config.hidden_size
        self.name = f"hf:{source}@{digest([1, len(self.tokenize)], self.model)}"

    @torch.no_grad()
    def copies(self, sentence: str, generators: Sequence[torch.Generator]) -> Tensor:
        """One sentence → float32 (1 + len(generators), dim)."""
        sentences = [sentence, *(vary_sentence(sentence, generator) for generator in generators)]
        batch = self.tokenize(sentences, padding=True, truncation=True, return_tensors="pt")
        batch = batch.to(self.device)
        hidden = self.model(**batch).last_hidden_state  # (1 + C, words, dim)
        real = batch["attention_mask"][:, :, None].to(hidden.dtype)
        mean = (hidden * real).sum(1) / real.sum(1).clamp(min=1)
        return mean.float().cpu()  # (1 + C, dim)
