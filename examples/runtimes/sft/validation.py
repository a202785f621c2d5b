"""The loss on the validation records."""

import torch

from anneal_runtime.language_model import collate, scored_tokens, summed_loss


class Validation:
    """The first `count` records, divided among the processes. Measuring it draws no random numbers."""

    def __init__(self, records, count, examples, processes, batch_size, padding, autocast):
        own = range(processes.rank, count, processes.count)
        self._batches = [own[start : start + batch_size] for start in range(0, len(own), batch_size)]
        largest_share = -(-count // processes.count)
        self._rounds = -(-largest_share // batch_size)
        self._records = records
        self._examples = examples
        self._processes = processes
        self._padding = padding
        self._autocast = autocast

    def loss(self, model, stop_requested):
        """The mean −log p of a scored token; None if the run was asked to stop meanwhile."""
        total, tokens = 0.0, 0
        model.eval()
        try:
            for turn in range(self._rounds):
                if self._processes.any(stop_requested()):
                    return None
                if turn < len(self._batches):
                    examples = [self._examples(self._records[index]) for index in self._batches[turn]]
                    tensors = collate(examples, self._padding, self._processes.device)
                    with torch.inference_mode(), self._autocast():
                        total += summed_loss(model, *tensors).item()
                    tokens += scored_tokens(examples)
        finally:
            model.train()
        total, tokens = self._processes.sums([total, tokens])
        return total / tokens if tokens else float("nan")
