"""Sentences → features: a sentence encoder of Hugging Face."""

from collections.abc import Sequence

import torch
from torch import Tensor

from fermodels.features.backbone import ClipByClip, digest
from fermodels.features.hugging_face import load
from fermodels.features.sentences import vary_sentence


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
    def augmented(self, sentence: str, generators: Sequence[torch.Generator]) -> Tensor:
        """One sentence → float32 (1 + len(generators), dim)."""
        sentences = [sentence, *(vary_sentence(sentence, generator) for generator in generators)]
        batch = self.tokenize(sentences, padding=True, truncation=True, return_tensors="pt")
        batch = batch.to(self.device)
        hidden = self.model(**batch).last_hidden_state  # (1 + C, words, dim)
        real = batch["attention_mask"][:, :, None].to(hidden.dtype)
        mean = (hidden * real).sum(1) / real.sum(1).clamp(min=1)
        return mean.float().cpu()  # (1 + C, dim)
