"""Follows one TrainingJob until it has finished: a live view on a terminal, a line a change elsewhere.

Exit code 0 if it completed, 1 if it ended otherwise or took longer than --timeout.
"""

import argparse
import json
import subprocess
import sys
import time
from datetime import datetime, timezone

STAGES = [
    "Pending", "Validating", "Preprocessing", "Preparing", "Queued", "Training",
    "Uploading", "Evaluating", "Registering", "Completed",
]  # fmt: skip
ENDS = {"Completed", "EvalFailed", "Failed", "Cancelled"}


def kubectl(*words):
    return subprocess.run(["kubectl", *words], capture_output=True, text=True)


def observe(namespace, name):
    answer = kubectl("-n", namespace, "get", "trainingjob", name, "-o", "json")
    return json.loads(answer.stdout).get("status", {}) if answer.returncode == 0 else {}


def number(value, digits=3):
    return "–" if value is None else f"{value:.{digits}f}"


def gpu_seconds(status):
    """Settled ones, and those of the attempt that runs now."""
    settled, since = status.get("gpuSeconds", 0), status.get("gpusHeldSince")
    if not since:
        return settled
    held = (datetime.now(timezone.utc) - datetime.fromisoformat(since)).total_seconds()
    return settled + int(max(held, 0) * status.get("gpus", 0))


def describe(status):
    progress, checkpoint = status.get("progress", {}), status.get("checkpoint", {})
    parts = [status.get("phase", "Pending")]
    if progress.get("step") is not None:
        parts.append(f"step {progress['step']}/{progress.get('totalSteps', '?')}")
        parts.append(f"loss {number(progress.get('loss'))}")
    if checkpoint:
        parts.append(f"checkpoint {checkpoint['step']} (attempt {checkpoint['attempt']})")
    if status.get("trainingAttempts"):
        parts.append(f"{gpu_seconds(status)} GPU-s")
    return " · ".join(parts)


def bar(fraction, width=32):
    filled = int(width * min(max(fraction, 0), 1))
    return "█" * filled + "░" * (width - filled)


def screen(status, elapsed, notes):
    phase, progress = status.get("phase", "Pending"), status.get("progress", {})
    checkpoint = status.get("checkpoint", {})
    done = {stage["name"]: stage for stage in status.get("stages", [])}
    trail = []
    for stage in STAGES[:-1]:
        mark = "●" if stage == phase else ("✓" if done.get(stage, {}).get("finishedAt") else "·")
        trail.append(f"{mark} {stage}")
    total = progress.get("totalSteps") or 0
    step = progress.get("step") or 0
    lines = [
        f"  {elapsed:4.0f} s   \033[1m{phase}\033[0m   {status.get('message', '')}"[:110],
        "  " + "  ".join(trail),
        f"  {bar(step / total if total else 0)}  step {step}/{total or '?'}   loss {number(progress.get('loss'))}"
        f"   validation {number(progress.get('evalLoss'))} (was {number(progress.get('initialEvalLoss'))})",
        f"  checkpoint {checkpoint.get('step', '–')} of attempt {checkpoint.get('attempt', '–')}"
        f"   training attempts {status.get('trainingAttempts', 0)}   GPU-seconds {gpu_seconds(status)}",
    ]
    return lines + [f"  {note}" for note in notes[-3:]]


def reclaim(namespace, name):
    """Deletes the training pod as a spot reclaim would; the pod's name, or None while there is none."""
    selector = f"anneal.dev/run={name},anneal.dev/stage=train"
    pods = json.loads(kubectl("-n", namespace, "get", "pods", "-l", selector, "-o", "json").stdout or "{}")
    for pod in pods.get("items", []):
        if pod.get("status", {}).get("phase") == "Running":
            pod_name = pod["metadata"]["name"]
            kubectl("-n", namespace, "delete", "pod", pod_name, "--wait=false")
            return pod_name
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("namespace")
    parser.add_argument("name")
    parser.add_argument("--preempt", action="store_true", help="delete the training pod after a checkpoint")
    parser.add_argument("--timeout", type=float, default=900)
    arguments = parser.parse_args()

    live, drawn, last, notes = sys.stdout.isatty(), 0, None, []
    waiting_to_preempt = arguments.preempt
    start = time.monotonic()
    while True:
        status = observe(arguments.namespace, arguments.name)
        elapsed = time.monotonic() - start
        progress = status.get("progress", {})
        if waiting_to_preempt and status.get("phase") == "Training" and status.get("checkpoint"):
            total = progress.get("totalSteps") or 0
            if total and (progress.get("step") or 0) >= 0.4 * total:
                pod = reclaim(arguments.namespace, arguments.name)
                if pod:
                    waiting_to_preempt = False
                    notes.append(
                        f"{elapsed:.0f} s: deleted pod {pod} at step {progress.get('step')}; "
                        f"the newest verified checkpoint was {status['checkpoint']['step']}")
                    if not live:
                        print(f"    {notes[-1]}", flush=True)
        line = describe(status)
        if live:
            lines = screen(status, elapsed, notes)
            if drawn:
                sys.stdout.write(f"\033[{drawn}F\033[J")
            sys.stdout.write("\n".join(lines) + "\n")
            drawn = len(lines)
        elif line != last:
            print(f"    {elapsed:5.1f} s  {line}", flush=True)
        last = line
        if status.get("phase") in ENDS:
            break
        if elapsed > arguments.timeout:
            print(f"not finished after {arguments.timeout:.0f} s: {line}", file=sys.stderr)
            return 1
        time.sleep(0.5 if live else 1)
    if waiting_to_preempt:
        print("training was over before its pod could be deleted", file=sys.stderr)
        return 1
    if status["phase"] != "Completed":
        print(f"{status['phase']}: {status.get('reason', '')}: {status.get('message', '')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
