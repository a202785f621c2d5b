"""Greedy answers to prompts, in batches."""

import torch


class Generator:
    """Continues prompts with the likeliest tokens: the same model gives the same answers."""

    def __init__(self, model, tokenizer, prompts, batch_size, max_new_tokens, context):
        self._model = model
        self._tokenizer = tokenizer
        self._prompts = prompts
        self._batch_size = batch_size
        self._max_new_tokens = max_new_tokens
        self._prompt_limit = max(1, context - max_new_tokens)

    def answers(self, conversations):
        """The answer, as text, to each conversation, in their order."""
        answers = []
        for start in range(0, len(conversations), self._batch_size):
            batch = conversations[start : start + self._batch_size]
            answers += self._batch([self._prompts.question(each, self._prompt_limit) for each in batch])
        return answers

    def _batch(self, questions):
        """Prompts are padded on the left, so that each answer follows its prompt at once."""
        width = max(1, max(map(len, questions)))
        ids = torch.full((len(questions), width), self._tokenizer.pad_token_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, question in enumerate(questions):
            if question:
                ids[row, width - len(question) :] = torch.tensor(question)
                mask[row, width - len(question) :] = 1
        device = self._model.device
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                max_new_tokens=self._max_new_tokens,
                do_sample=False,
                num_beams=1,
                pad_token_id=self._tokenizer.pad_token_id,
                eos_token_id=self._tokenizer.eos_token_id,
            )
        return [self._tokenizer.decode(row[width:], skip_special_tokens=True) for row in output]
