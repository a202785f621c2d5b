"""What is created: TrainingJobs as users write them, finished ones, and Jobs of batch/v1."""

import copy
import json
import threading
import time
from collections import Counter

from .cluster import Client
from .processes import Failure

RUNS = "/apis/anneal.dev/v1alpha1/namespaces/{}/trainingjobs"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"
PODS = "/api/v1/namespaces/{}/pods"
EVENTS = "/apis/events.k8s.io/v1/namespaces/{}/events"
DIGEST = "0123456789abcdef" * 4


def training_job(name: str) -> dict:
    """A LoRA fine-tune with evaluation and registration."""
    resources = {"gpus": 1, "cpu": "1", "memory": "2Gi"}
    return {
        "apiVersion": "anneal.dev/v1alpha1", "kind": "TrainingJob",
        "metadata": {"name": name, "labels": {"team": "bench"}},
        "spec": {
            "method": "lora",
            "model": {"storageUri": "s3://models/tiny-llama/", "version": "1"},
            "dataset": {"storageUri": "s3://datasets/manual-pages/dataset.jsonl", "version": "2026-11",
                        "format": "promptCompletion"},
            "preprocessing": {"deduplication": "near", "maxLength": 2000},
            "hyperparameters": {"learningRate": 0.005, "batchSize": 8, "maxSteps": 200, "maxSequenceLength": 128,
                                "warmupSteps": 10, "lrScheduler": "cosine", "loraRank": 32, "loraAlpha": 32,
                                "loraTargetModules": ["q_proj", "k_proj", "v_proj", "o_proj"], "seed": 42},
            "trainer": {"image": "anneal/sft:0.1.0", "resourcesPerNode": resources, "shmSize": "64Mi"},
            "checkpoint": {"everySteps": 50, "keepLast": 3, "keepBest": 1},
            "storage": {"endpoint": "http://127.0.0.1:19000", "pathStyle": True,
                        "credentialsSecretName": "s3-credentials"},
            "artifacts": {"storageUri": "s3://artifacts/demo"},
            "evaluation": {"evaluator": {"image": "anneal/evaluate:0.1.0", "resources": resources},
                           "suites": [{"name": "quality", "type": "perplexity"}],
                           "thresholds": [{"metric": "quality/perplexity", "max": 9}]},
            "registration": {"modelName": "manual-pages", "trackingUri": "http://127.0.0.1:15000"},
        },
    }


def finished_status(name: str) -> dict:
    """The status that a run has when it has passed all its stages."""
    start, end = "2026-11-20T10:00:00Z", "2026-11-20T10:30:00Z"
    artifacts = f"s3://artifacts/demo/{name}"
    stages = ("Validating", "Preprocessing", "Preparing", "Queued", "Training", "Uploading", "Evaluating",
              "Registering")
    checkpoint = {"step": 200, "attempt": 1, "storageUri": f"{artifacts}/checkpoints/step-200",
                  "manifestSha256": DIGEST, "evalLoss": 1.25}
    return {
        "observedGeneration": 1, "phase": "Completed", "reason": "Succeeded",
        "message": f"The model is at {artifacts}/model/",
        "conditions": [{"type": "Finished", "status": "True", "observedGeneration": 1, "reason": "Succeeded",
                        "lastTransitionTime": end, "message": "The run has succeeded"},
                       {"type": "CheckpointVerified", "status": "True", "observedGeneration": 1,
                        "reason": "Committed", "lastTransitionTime": end,
                        "message": "A checkpoint with a verified manifest exists"}],
        "startTime": start, "completionTime": end,
        "current": {"stage": "Registering", "attempt": 1, "startedAt": start, "launchedAt": start},
        "stages": [{"name": stage, "startedAt": start, "finishedAt": end, "attempts": 1} for stage in stages],
        "trainingAttempts": 1, "progressPercent": "100 %",
        "progress": {"step": 200, "totalSteps": 200, "epoch": 2.5, "loss": 1.1, "evalLoss": 1.25,
                     "learningRate": 0.0001, "tokensPerSecond": 5120.5},
        "checkpoint": checkpoint, "bestCheckpoint": checkpoint,
        "dataset": {"sha256": DIGEST, "records": 1000, "exactDuplicates": 10, "nearDuplicates": 20, "filtered": 5,
                    "trainRecords": 917, "validationRecords": 48, "processedManifestSha256": DIGEST,
                    "modelSha256": DIGEST},
        "gpus": 1, "gpuSeconds": 1200, "gpuHours": "0.33", "trainedSeconds": 1200,
        "output": {"storageUri": f"{artifacts}/model/", "manifestSha256": DIGEST, "bytes": 104857600, "files": 7},
        "evaluation": {"name": f"{name}-evaluating-1", "passed": True, "metrics": {"quality/perplexity": 7.5},
                       "results": [{"metric": "quality/perplexity", "value": 7.5, "max": 9, "passed": True}]},
        "registeredModel": {"name": "manual-pages", "version": "1", "runId": DIGEST[:32], "alias": "dev"},
    }


def batch_job(name: str) -> dict:
    return {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "labels": {"team": "bench"}},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": False,
            "containers": [{"name": "main", "image": "example/none:1", "command": ["true"],
                            "resources": {"requests": {"cpu": "1", "memory": "2Gi"}}}]}}}}


def create_namespace(client: Client, name: str):
    client.request("POST", "/api/v1/namespaces", {
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    # Agents run as it: without it, Jobs of runs get no pods.
    client.request("POST", f"/api/v1/namespaces/{name}/serviceaccounts", {
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "anneal-agent"}})


def in_parallel(count: int, threads: int, action) -> float:
    """Runs `action(index)` for each index; seconds until all were done."""
    failures: list[Exception] = []

    def work(first: int):
        try:
            for index in range(first, count, threads):
                action(index)
        except Exception as error:  # Reported below, by the thread that waits.
            failures.append(error)

    start = time.monotonic()
    workers = [threading.Thread(target=work, args=(first,)) for first in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise Failure(str(failures[0]))
    return time.monotonic() - start


def create_all(client: Client, collection: str, make, count: int, threads: int = 8) -> float:
    """Creates `count` objects with several connections; the seconds that it took."""
    return in_parallel(count, threads, lambda index: client.request(
        "POST", collection, make(f"run-{index:05}")))


def create_finished(client: Client, namespace: str, count: int, threads: int = 8):
    """TrainingJobs that have ended, as their operator left them. No operator may run meanwhile."""
    collection = RUNS.format(namespace)

    def create(index: int):
        name = f"done-{index:05}"
        client.request("POST", collection, training_job(name))
        patch = {"status": copy.deepcopy(finished_status(name))}
        client.request("PATCH", f"{collection}/{name}/status", patch, "application/merge-patch+json")

    in_parallel(count, threads, create)


class Replay:
    """What the operator wrote in a namespace, to be written again in another: statuses, Jobs, events."""

    def __init__(self, client: Client, namespace: str):
        def read(collection):
            return client.request("GET", collection.format(namespace))["items"]

        self.statuses = {run["metadata"]["name"]: run["status"] for run in read(RUNS)}
        self.jobs = {job["metadata"]["ownerReferences"][0]["name"]: job for job in read(JOBS)}
        self.events = {event["regarding"]["name"]: event for event in read(EVENTS)}

    def bodies(self, namespace: str) -> list[tuple[str, bytes, bytes, bytes | None]]:
        """Of each run its name, its status, its Job and its event, as they are sent."""
        def encode(item) -> bytes:
            return json.dumps(fresh(item, namespace)).encode()

        return [(name, json.dumps({"status": self.statuses[name]}).encode(), encode(job),
                 encode(self.events[name]) if name in self.events else None)
                for name, job in sorted(self.jobs.items())]

    def run(self, client: Client, namespace: str, bodies) -> tuple[Counter, float]:
        """Writes all for runs of the same names; answers with the writes, and the seconds until the last."""
        runs, jobs, events = (collection.format(namespace) for collection in (RUNS, JOBS, EVENTS))

        def write(index: int):
            name, status, job, event = bodies[index]
            client.request("PATCH", f"{runs}/{name}/status", status, "application/merge-patch+json")
            client.request("POST", jobs, job)
            if event:
                client.request("POST", events, event)

        seconds = in_parallel(len(bodies), 8, write)
        told = sum(event is not None for *_, event in bodies)
        return Counter({"patch trainingjobs/status": len(bodies), "create jobs": len(bodies),
                        "create events": told}), seconds


def fresh(item: dict, namespace: str) -> dict:
    """The object as whoever created it sent it, for another namespace."""
    new = copy.deepcopy(item)
    for name in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
        new["metadata"].pop(name, None)
    new["metadata"]["namespace"] = namespace
    new.pop("status", None)
    if regarding := new.get("regarding"):
        regarding["namespace"] = namespace
    # The server adds a selector and labels of its own to a Job.
    spec = new.get("spec", {})
    spec.pop("selector", None)
    for labels in (new["metadata"].get("labels", {}), spec.get("template", {}).get("metadata", {}).get("labels", {})):
        for name in ("controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"):
            labels.pop(name, None)
    return new
