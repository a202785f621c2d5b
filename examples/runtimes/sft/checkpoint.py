"""Checkpoints: written aside, flushed to the disk, then renamed, so that a name never shows half of one."""

import json
import os
import random
import shutil

import numpy
import torch
from safetensors.torch import load_file, save_file

from anneal_runtime.outcome import RunError

FORMAT_VERSION = 1


def random_state(device):
    """The state of every random generator of this process, in types that load without running code."""
    algorithm, keys, position, has_gauss, gauss = numpy.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (algorithm, torch.from_numpy(keys.astype("int64")), position, has_gauss, gauss),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def set_random_state(state, device):
    """Restores what `random_state` returned."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    algorithm, keys, position, has_gauss, gauss = state["numpy"]
    numpy.random.set_state((algorithm, keys.numpy().astype("uint32"), position, has_gauss, gauss))
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], device)


def save(directory, state, weights, optimiser, scaler, random_states):
    """Writes `directory/step-N`, N being state["step"]. Either all of it is there afterwards, or nothing."""
    final = os.path.join(directory, f"step-{state['step']}")
    partial = final + ".tmp"
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    save_file(tensors, os.path.join(partial, "trainable.safetensors"))
    torch.save({"optimiser": optimiser.state_dict(), "scaler": scaler.state_dict()},
               os.path.join(partial, "optimizer.pt"))
    torch.save(random_states, os.path.join(partial, "random.pt"))
    with open(os.path.join(partial, "state.json"), "w", encoding="utf-8") as file:
        json.dump({"formatVersion": FORMAT_VERSION, **state}, file, allow_nan=False)
    for name in os.listdir(partial):
        os.chmod(os.path.join(partial, name), 0o644)  # the sidecar may run as another user
        _flush(os.path.join(partial, name))
    _flush(partial)
    _put_in_place(partial, final)
    _flush(directory)
    return final


def _put_in_place(partial, final):
    """Renames, moving an earlier attempt's checkpoint of the same step out of the way first."""
    replaced = final + ".replaced.tmp"
    shutil.rmtree(replaced, ignore_errors=True)
    if os.path.exists(final):
        os.rename(final, replaced)
    os.rename(partial, final)
    shutil.rmtree(replaced, ignore_errors=True)


def remove_partial(directory):
    """Removes what an attempt that was killed left half-written."""
    os.makedirs(directory, exist_ok=True)
    for name in os.listdir(directory):
        if name.startswith("step-") and name.endswith(".tmp"):
            shutil.rmtree(os.path.join(directory, name), ignore_errors=True)


def load_state(folder):
    """The state.json of a checkpoint."""
    try:
        with open(os.path.join(folder, "state.json"), encoding="utf-8") as file:
            state = json.load(file)
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from None
    if not isinstance(state, dict) or state.get("formatVersion") != FORMAT_VERSION:
        raise _unusable(folder, f"state.json has not the formatVersion {FORMAT_VERSION}")
    return state


def load_tensors(folder, weights, optimiser, scaler, rank, device):
    """Puts a checkpoint's weights, optimiser, scaler and random state in place."""
    try:
        saved = load_file(os.path.join(folder, "trainable.safetensors"))
        if saved.keys() != weights.keys():
            raise ValueError("its weights are not those of this model and method")
        with torch.no_grad():
            for name, parameter in weights.items():
                parameter.copy_(saved[name])
        rest = torch.load(os.path.join(folder, "optimizer.pt"), map_location="cpu", weights_only=True)
        optimiser.load_state_dict(rest["optimiser"])
        scaler.load_state_dict(rest["scaler"])
        states = torch.load(os.path.join(folder, "random.pt"), map_location="cpu", weights_only=True)
        set_random_state(states[rank], device)
    except (OSError, ValueError, KeyError, IndexError, RuntimeError) as error:
        raise _unusable(folder, error) from None


def _unusable(folder, error):
    return RunError(
        "InvalidCheckpoint",
        f"ANNEAL_RESUME_FROM is {folder}: it cannot be resumed from: {error}; name a whole checkpoint, or "
        "none to start again",
    )


def _flush(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
