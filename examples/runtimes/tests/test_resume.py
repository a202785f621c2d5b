"""An interrupted run ends with the same bits as one that was not interrupted."""

import signal
import sys
from pathlib import Path

import pytest
from conftest import TRAIN
from safetensors.torch import load_file

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0",
            "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", str(TRAIN)]


def assert_same(interrupted, whole):
    """Same weights, bit for bit, and the same metrics at each step."""
    assert interrupted.weights().keys() == whole.weights().keys() != set()
    assert interrupted.weights() == whole.weights()
    assert interrupted.metrics() == whole.metrics()


@pytest.mark.parametrize("method", ["lora", "full"])
def test_two_interruptions_change_no_bit(new_run, method):
    whole, cut = new_run("whole", method), new_run("cut", method)
    whole_process = whole.start()

    assert cut.interrupt_at(cut.start(), step=7) == 75
    assert cut.result()["reason"] == "Stopped"
    first = cut.newest_checkpoint()
    assert 7 <= int(first.name[5:]) < 60

    process = cut.start(resume_from=first)
    cut.wait_for(process, (cut.checkpoints / "step-40").exists)
    process.kill()
    assert cut.finish(process) == -signal.SIGKILL

    second = cut.newest_checkpoint()
    assert cut.finish(cut.start(resume_from=second)) == 0, cut.log()
    assert whole.finish(whole_process) == 0, whole.log()
    assert_same(cut, whole)
    assert cut.result()["finalEvalLoss"] == whole.result()["finalEvalLoss"]
    assert cut.result()["finalEvalLoss"] < cut.result()["initialEvalLoss"]
    assert cut.result()["tokens"] == whole.result()["tokens"]


def test_two_processes_resume_to_the_same_bits(new_run):
    whole, cut = new_run("whole"), new_run("cut")
    whole_process = whole.start(command=TORCHRUN)

    # The trainer's own launcher forms the same group, and keeps the exit code that torchrun loses.
    process = cut.start(command=[sys.executable, str(TRAIN)], NPROC_PER_NODE=2)
    assert cut.interrupt_at(process, step=9) == 75
    process = cut.start(resume_from=cut.newest_checkpoint(), command=TORCHRUN)

    assert cut.finish(process) == 0, cut.log()
    assert whole.finish(whole_process) == 0, whole.log()
    assert_same(cut, whole)
    assert "2 process(es)" in whole.log()


def test_a_run_that_is_started_again_after_its_end_gives_the_same(new_run):
    run = new_run(hyperparameters={"maxSteps": 6})
    assert run.finish(run.start()) == 0, run.log()
    weights, result = run.weights(), run.result()

    assert run.finish(run.start(resume_from=run.newest_checkpoint())) == 0, run.log()
    assert run.weights() == weights
    assert run.result() == result | {"seconds": run.result()["seconds"]}


def test_a_run_that_is_made_longer_trains_on(new_run):
    run = new_run(hyperparameters={"maxSteps": 6, "lrScheduler": "constant"})
    assert run.finish(run.start()) == 0, run.log()
    whole = new_run("whole", hyperparameters={"maxSteps": 9, "lrScheduler": "constant"})
    assert whole.finish(whole.start()) == 0, whole.log()

    longer = new_run("longer", hyperparameters={"maxSteps": 9, "lrScheduler": "constant"})
    assert longer.finish(longer.start(resume_from=run.newest_checkpoint())) == 0, longer.log()
    assert longer.result()["steps"] == 9
    assert longer.weights() == whole.weights()

    shorter = new_run("shorter", hyperparameters={"maxSteps": 4, "lrScheduler": "constant"})
    assert shorter.finish(shorter.start(resume_from=run.newest_checkpoint())) == 2
    assert shorter.result()["reason"] == "CheckpointMismatch"
    assert "ask for 4 steps" in shorter.result()["message"]


def test_no_checkpoint_shows_before_it_is_whole(new_run):
    run = new_run(checkpoint={"everySteps": 1}, hyperparameters={"maxSteps": 40})
    process = run.start()
    seen = set()
    while process.poll() is None:
        for folder in run.checkpoints.glob("step-*"):
            if folder.suffix != ".tmp" and folder.name not in seen:
                seen.add(folder.name)
                assert_whole(folder)
    assert run.finish(process) == 0, run.log()
    assert len(seen) > 5
    assert not list(run.checkpoints.glob("*.tmp"))


def test_checkpoints_by_time(new_run):
    run = new_run(checkpoint={"everySteps": 0, "everySeconds": 0.01}, hyperparameters={"maxSteps": 6})
    assert run.finish(run.start()) == 0, run.log()
    saved = {int(path.name[5:]) for path in run.checkpoints.iterdir()}
    assert len(saved) > 2 and max(saved) == 6
    assert {step for step, evaluated in run.metrics() if evaluated} == saved | {0}


def test_a_checkpoint_of_another_recipe_is_refused(new_run):
    run = new_run(hyperparameters={"maxSteps": 2})
    assert run.finish(run.start()) == 0, run.log()
    other = new_run("other", hyperparameters={"maxSteps": 2, "seed": 7})
    assert other.finish(other.start(resume_from=run.newest_checkpoint())) == 2
    assert other.result()["reason"] == "CheckpointMismatch"
    assert "hyperparameters.seed is 7" in other.result()["message"]


def assert_whole(folder: Path):
    assert {path.name for path in folder.iterdir()} == {
        "trainable.safetensors", "optimizer.pt", "random.pt", "state.json"
    }
    assert len(load_file(folder / "trainable.safetensors")) == 8
    assert (folder / "state.json").read_text().endswith("}")
