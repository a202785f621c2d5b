"""What the trainer and the evaluator share: the file protocol, records, prompts, models."""
