"""How a run ends: exit codes, and the termination message that tells the operator why."""

import json
import os
import sys
import traceback

EXIT_SUCCEEDED = 0
EXIT_ERROR = 1
EXIT_CONFIGURATION = 2
EXIT_DIVERGED = 3
EXIT_STOPPED = 75

MESSAGE_LIMIT_BYTES = 4096
"""The kubelet keeps at most this much of a container's termination message."""


class RunError(Exception):
    """An end of the run with a machine-readable reason, a message that says what to do, and an exit code."""

    def __init__(self, reason, message, exit_code=EXIT_ERROR):
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.exit_code = exit_code


class ConfigurationError(RunError):
    """A value given by the user that cannot be used; retrying without changing it is pointless."""

    def __init__(self, message, reason="InvalidConfiguration"):
        super().__init__(reason, message, EXIT_CONFIGURATION)


class Stopped(RunError):
    """The run was asked to stop (SIGTERM) and did so in good order."""

    def __init__(self, message):
        super().__init__("Stopped", message, EXIT_STOPPED)


def encode_result(result):
    """JSON bytes that fit the termination message; a message that is too long is cut, never the JSON."""
    encoded = json.dumps(result, ensure_ascii=False, allow_nan=False).encode()
    if len(encoded) <= MESSAGE_LIMIT_BYTES:
        return encoded
    text = str(result.get("message", "")).encode()
    keep = max(0, len(text) - 4 * (len(encoded) - MESSAGE_LIMIT_BYTES) - 64)
    shorter = {**result, "message": text[:keep].decode(errors="ignore") + " …"}
    encoded = json.dumps(shorter, ensure_ascii=False, allow_nan=False).encode()
    if len(encoded) <= MESSAGE_LIMIT_BYTES:
        return encoded
    return json.dumps({"reason": result.get("reason", "Error"), "message": "(result too long)"}).encode()


def write_result(result, only_if_empty=False):
    """Writes the result to the file that ANNEAL_RESULT names, if it is set.

    The file is written in place: the kubelet mounts it as a single file, so a rename onto it would fail.
    """
    path = os.environ.get("ANNEAL_RESULT")
    if not path:
        return
    try:
        if only_if_empty and os.path.exists(path) and os.path.getsize(path) > 0:
            return
        encoded = encode_result(result)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            # What was there is covered before it is cut off: a process that is killed in between, since
            # another one of the group has failed, leaves a whole answer.
            os.pwrite(descriptor, encoded.ljust(os.fstat(descriptor).st_size), 0)
            os.ftruncate(descriptor, len(encoded))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        print(f"cannot write the result to {path}: {error}", file=sys.stderr, flush=True)


def classify(error):
    """The RunError that an exception stands for."""
    if isinstance(error, RunError):
        return error
    if isinstance(error, OSError) and error.errno == 28:
        return RunError("DiskFull", f"no space left on the volume: {error}; enlarge the workspace volume or "
                        "keep fewer checkpoints")
    # torch is looked up, not imported: a configuration error must not pay for its import.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return RunError("OutOfMemory", "the GPU's memory is full: lower hyperparameters.batchSize (and raise "
                        "gradientAccumulationSteps), or maxSequenceLength, or set "
                        'parameters.gradientCheckpointing to "true"')
    return RunError("Error", f"{type(error).__name__}: {error}")


def run_and_exit(main):
    """Runs `main`, which returns the result to report, and ends the process as the file protocol says."""
    first_of_pod = os.environ.get("LOCAL_RANK", "0") == "0"
    try:
        result = main()
    except Exception as error:
        failure = classify(error)
        if not isinstance(error, RunError):
            traceback.print_exc()
        print(f"{failure.reason}: {failure.message}", file=sys.stderr, flush=True)
        write_result({"reason": failure.reason, "message": failure.message}, only_if_empty=not first_of_pod)
        leave(failure.exit_code)
    if result is not None:
        write_result(result)
    leave(EXIT_SUCCEEDED)


def leave(code):
    """Ends at once. Everything that matters is on disk by now, and the interpreter's own teardown of torch's
    threads and process groups can hang or change the exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
