"""The programs that are measured, and how each is told to move a folder."""

import json
import os
import shutil
from pathlib import Path

from scale.operators import default_program
from scale.processes import Failure

KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret", "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1"}


class Tool:
    def __init__(self, name: str, program: Path):
        self.name, self.program = name, str(program)

    def environment(self, endpoint: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **KEYS}


class Agent(Tool):
    """`upload` commits the output folder of a run; `prepare` brings an input to the workspace."""

    storage = {"region": "us-east-1", "pathStyle": True}
    identity = {"namespace": "bench", "name": "bench", "uid": "bench", "attempt": 1}

    def configuration(self, work: Path, endpoint: str, **members) -> list[str]:
        path = work / "agent.json"
        path.write_text(json.dumps(
            {"run": self.identity, "storage": {**self.storage, "endpoint": endpoint}, **members}))
        return ["--config", str(path), "--log-format", "text"]

    def upload(self, source, endpoint, work):
        return [self.program, "upload", *self.configuration(
            work, endpoint, directory=str(source), destinationUri="s3://bench/files")]

    def download(self, target, endpoint, work):
        download = {"source": {"storageUri": "s3://bench/files"}, "destination": str(target)}
        return [self.program, "prepare", *self.configuration(work, endpoint, downloads=[download], cleared=[])]


class S5cmd(Tool):
    def upload(self, source, endpoint, work):
        return [self.program, "--endpoint-url", endpoint, "cp", f"{source}/", "s3://bench/files/"]

    def download(self, target, endpoint, work):
        return [self.program, "--endpoint-url", endpoint, "cp", "s3://bench/files/*", f"{target}/"]


class Rclone(Tool):
    def remote(self, endpoint: str) -> str:
        return (f":s3,provider=Other,env_auth=true,region=us-east-1,force_path_style=true,no_check_bucket=true,"
                f"endpoint='{endpoint}':bench/files")

    def upload(self, source, endpoint, work):
        return [self.program, "copy", "--config", "/dev/null", "--transfers", "32", str(source), self.remote(endpoint)]

    def download(self, target, endpoint, work):
        return [self.program, "copy", "--config", "/dev/null", "--transfers", "32", self.remote(endpoint), str(target)]


class Aws(Tool):
    def environment(self, endpoint):
        # The server knows no checksums in trailers.
        return {**super().environment(endpoint), "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
                "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required", "AWS_EC2_METADATA_DISABLED": "true"}

    def copy(self, endpoint, *paths):
        return [self.program, "--endpoint-url", endpoint, "s3", "cp", "--recursive", "--only-show-errors", *paths]

    def upload(self, source, endpoint, work):
        return self.copy(endpoint, str(source), "s3://bench/files")

    def download(self, target, endpoint, work):
        return self.copy(endpoint, "s3://bench/files", str(target))


def find_tools(agent: Path | None, only: str | None, say) -> list[Tool]:
    """The tools that are there, anneal-agent and s5cmd first."""
    program = agent or default_program("anneal-agent", "release")
    if not Path(program).exists():
        raise Failure(f"there is no {program}: build it with hack/build -c release --product anneal-agent")
    cache = Path(os.environ.get("ANNEAL_CACHE") or Path.home() / ".cache/anneal")
    tools: list[Tool] = [Agent("anneal-agent", program)]
    for name, kind in (("s5cmd", S5cmd), ("rclone", Rclone), ("aws", Aws)):
        place = cache / "rivals/bin" / name
        found = place if place.exists() else shutil.which(name)
        if found:
            tools.append(kind(name, found))
        else:
            say(f"NOT MEASURED: there is no {name}; hack/setup rivals installs it")
    wanted = only.split(",") if only else None
    return [tool for tool in tools if not wanted or tool.name in wanted]
