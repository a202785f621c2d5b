"""A part of Helm's command line on top of its library; see hack/helm.

The cluster is that of KUBECONFIG. Errors go to the standard error stream as Helm words them, with status 1.
"""

import argparse
import json
import sys
from pathlib import Path

import helm_python as helm
# The package's own `install` and `upgrade` lack options that Helm and the library have.
from helm_python import _native

WARNING = 2


def values(options) -> dict:
    """The values of all files, where a later file wins."""
    result: dict = {}
    for path in options.values:
        merge(result, helm.values_from_yaml(Path(path).read_text(encoding="utf-8")))
    return result


def merge(into: dict, over: dict):
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def lint(options):
    report = helm.lint(options.chart, values(options), strict=options.strict, kube_version=options.kube_version)
    for message in report["messages"]:
        severity = ("UNKNOWN", "INFO", "WARNING", "ERROR")[message["severity"]]
        print(f"[{severity}] {message['path']}: {message['error']}")
    least = WARNING if options.strict else WARNING + 1
    if report["errors"] or any(message["severity"] >= least for message in report["messages"]):
        raise SystemExit("Error: " + "; ".join(report["errors"] or ["the chart has findings"]))


def template(options):
    # A dry run on the client asks no API server: the address is never used.
    with helm.Config(kube_apiserver="https://localhost:1", namespace=options.namespace) as config:
        release = release_action("helm_install", config, options, dry_run="client", kube_version=options.kube_version)
    print(release["manifest"].strip())


def install(options):
    with helm.Config(namespace=options.namespace) as config:
        tell(release_action(
            "helm_install", config, options, create_namespace=options.create_namespace or None, **of_write(options)))


def upgrade(options):
    with helm.Config(namespace=options.namespace) as config:
        tell(release_action(
            "helm_upgrade", config, options, reuse_values=options.reuse_values or None,
            reset_then_reuse_values=options.reset_then_reuse_values or None, **of_write(options)))


def of_write(options) -> dict:
    return {"take_ownership": options.take_ownership or None, "force_conflicts": options.force_conflicts or None,
            "timeout_seconds": options.timeout, "wait": "watcher" if options.wait else None}


def release_action(action: str, config: helm.Config, options, **more) -> dict:
    """Installs or upgrades, and returns the release. Options that are None are left to the library."""
    settings = {"namespace": options.namespace, **{name: value for name, value in more.items() if value is not None}}
    answer = _native.call_string(
        action, config._raw(), _native.HANDLE(0), _native.HANDLE(0), options.chart, options.name,
        json.dumps(values(options)), json.dumps(settings))
    return json.loads(answer)


def rollback(options):
    with helm.Config(namespace=options.namespace) as config:
        config.rollback(options.name, version=options.revision, timeout=options.timeout)
        tell(config.history(options.name)[-1])


def uninstall(options):
    with helm.Config(namespace=options.namespace) as config:
        print(config.uninstall(options.name, timeout=options.timeout).get("info", "").strip())


def history(options):
    with helm.Config(namespace=options.namespace) as config:
        for release in config.history(options.name):
            tell(release)


def tell(release: dict):
    print(f"{release['name']} revision {release['revision']} {release['status']}")


def version(_):
    print(helm.helm_sdk_version())


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="hack/helm", description=__doc__.split("\n\n", maxsplit=1)[0])
    commands = result.add_subparsers(required=True, metavar="COMMAND")

    def command(function, *arguments: str) -> argparse.ArgumentParser:
        made = commands.add_parser(function.__name__)
        made.set_defaults(run=function)
        for argument in arguments:
            made.add_argument(argument)
        if "name" in arguments:
            made.add_argument("--namespace", "-n", default="default", help="of the release (%(default)s)")
            made.add_argument("--timeout", type=int, default=300, help="seconds for all of it (%(default)s)")
        if "chart" in arguments:
            made.add_argument("--values", "-f", action="append", default=[], metavar="FILE", help="may be repeated")
        return made

    def flags(made: argparse.ArgumentParser, *names: str):
        for name in names:
            made.add_argument(name, action="store_true")

    for made in (command(lint, "chart"), command(template, "name", "chart")):
        made.add_argument("--kube-version", default="v1.36.0", help="of the cluster (%(default)s)")
        flags(made, "--strict")
    flags(command(install, "name", "chart"), "--create-namespace", "--take-ownership", "--force-conflicts", "--wait")
    flags(command(upgrade, "name", "chart"), "--reuse-values", "--reset-then-reuse-values", "--take-ownership",
          "--force-conflicts", "--wait")
    command(rollback, "name").add_argument("revision", type=int, nargs="?", help="the one before, if none is named")
    for function in (uninstall, history):
        command(function, "name")
    command(version)
    return result


def main():
    options = parser().parse_args()
    try:
        options.run(options)
    except (helm.HelmError, OSError) as error:
        raise SystemExit(f"Error: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
