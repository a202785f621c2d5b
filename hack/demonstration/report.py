"""Prints what a completed TrainingJob has made, and checks it without Anneal's own tools:
the files in S3 against their manifest, the model version in MLflow with its lineage.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import urllib.parse
import urllib.request
from datetime import datetime


def heading(text):
    print(f"\n\033[1m{text}\033[0m")


def seconds(begin, end):
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def show_stages(status):
    heading("Stages, from first entry to last end")
    for stage in status["stages"]:
        took = seconds(stage["startedAt"], stage["finishedAt"]) if stage.get("finishedAt") else 0
        failure = f"   last failure: {stage['lastFailure']}" if stage.get("lastFailure") else ""
        print(f"    {stage['name']:<14} {took:6.0f} s   tries {stage['attempts']}{failure}")
    total = seconds(status["startTime"], status["completionTime"])
    print(f"    {'all':<14} {total:6.0f} s   {status['gpuSeconds']} GPU-seconds, "
          f"{status.get('trainingAttempts', 1)} training attempt(s)")


def show_training(status):
    data, progress = status["dataset"], status["progress"]
    heading("Data and training")
    print(f"    {data['records']} records; dropped {data.get('exactDuplicates', 0)} duplicates, "
          f"{data.get('nearDuplicates', 0)} near-duplicates, {data.get('filtered', 0)} by length; "
          f"{data['trainRecords']} to train, {data['validationRecords']} to validate")
    print(f"    validation loss {progress['initialEvalLoss']:.3f} before, {progress['evalLoss']:.3f} after "
          f"{progress['step']} steps")
    if not progress["evalLoss"] < progress["initialEvalLoss"]:
        raise SystemExit("the loss did not fall")


def show_evaluation(status):
    heading("Evaluation")
    verdict = status["evaluation"]
    print(f"    {verdict['name']}: {'passed' if verdict['passed'] else 'failed'}")
    for result in verdict["results"]:
        bounds = " ".join(f"{bound} {result[bound]}" for bound in ("min", "max") if bound in result)
        print(f"    {result['metric']} = {result['value']:.3f} ({bounds})")


def show_model(status, aws):
    heading("Model in S3")
    uri = status["output"]["storageUri"].rstrip("/")
    manifest = aws("s3", "cp", f"{uri}/anneal-manifest.json", "-")
    digest = hashlib.sha256(manifest).hexdigest()
    print(f"    {uri}/anneal-manifest.json   sha256 {digest[:16]}…")
    if digest != status["output"]["manifestSha256"]:
        raise SystemExit("the manifest is not the one that the status names")
    for file in json.loads(manifest)["files"]:
        found = hashlib.sha256(aws("s3", "cp", f"{uri}/{file['path']}", "-")).hexdigest()
        print(f"    {file['path']:<28} {file['size']:>9} bytes   sha256 {found[:16]}… "
              f"{'as in the manifest' if found == file['sha256'] else 'NOT as in the manifest'}")
        if found != file["sha256"]:
            raise SystemExit("a file differs from its manifest")


def show_registry(status, address):
    heading("Model version in MLflow")
    model = status["registeredModel"]
    query = urllib.parse.urlencode({"name": model["name"], "version": model["version"]})
    with urllib.request.urlopen(f"{address}/api/2.0/mlflow/model-versions/get?{query}") as answer:
        version = json.load(answer)["model_version"]
    print(f"    {version['name']} version {version['version']}, aliases {', '.join(version.get('aliases', []))}, "
          f"source {version.get('source', '')}")
    for tag in sorted(version.get("tags", []), key=lambda tag: tag["key"]):
        print(f"    {tag['key']:<34} {tag['value']}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("namespace")
    parser.add_argument("name")
    parser.add_argument("--s3", required=True)
    parser.add_argument("--aws", required=True)
    parser.add_argument("--mlflow", required=True)
    arguments = parser.parse_args()

    def aws(*words):
        command = [arguments.aws, "--endpoint-url", arguments.s3, *words]
        return subprocess.run(command, check=True, capture_output=True).stdout

    answer = subprocess.run(
        ["kubectl", "-n", arguments.namespace, "get", "trainingjob", arguments.name, "-o", "json"],
        check=True, capture_output=True)
    status = json.loads(answer.stdout)["status"]
    show_stages(status)
    show_training(status)
    show_evaluation(status)
    show_model(status, aws)
    show_registry(status, arguments.mlflow)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
