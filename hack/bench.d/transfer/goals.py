"""The tables: what was measured, and which goals are met."""

from scale.report import Goals, rows

MEMORY_MIB = 64


def table(title: str, size: int, figures: dict) -> str:
    names = list(figures)
    ours = figures.get("anneal-agent")
    lines = [(title, *names)]

    def add(name: str, value):
        lines.append((name, *(value(figures[tool]) for tool in names)))

    add("seconds", lambda f: f"{f.seconds:.2f}")
    add("MiB a second", lambda f: f"{size / (1 << 20) / f.seconds:.0f}")
    add("processor seconds", lambda f: f"{f.cpu_seconds:.2f}")
    add("peak memory, MiB", lambda f: f"{f.peak_mib:.0f}")
    if ours:
        add("anneal-agent's rate beside it", lambda f: f"{f.seconds / ours.seconds:.2f} ×")
    return rows(lines) + "\n"


def goals(measured: dict) -> Goals:
    result = Goals()
    for (workload, direction), figures in measured.items():
        ours = figures.get("anneal-agent")
        if not ours:
            continue
        what = f"{workload} {direction}"
        if s5cmd := figures.get("s5cmd"):
            rate = s5cmd.seconds / ours.seconds
            result.add(f"{what}: rate", "≥ 0.9 × s5cmd's", f"{rate:.2f} ×", rate >= 0.9)
            cpu = ours.cpu_seconds / s5cmd.cpu_seconds
            result.add(f"{what}: processor time", "≤ 1.0 × s5cmd's", f"{cpu:.2f} ×", cpu <= 1)
        if aws := figures.get("aws"):
            rate = aws.seconds / ours.seconds
            result.add(f"{what}: rate", "≥ 2 × aws's", f"{rate:.2f} ×", rate >= 2)
        result.add(f"{what}: memory", f"≤ {MEMORY_MIB} MiB", f"{ours.peak_mib:.0f} MiB", ours.peak_mib <= MEMORY_MIB)
    return result
