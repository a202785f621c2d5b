"""The tables: what was measured, and which goals are met."""

from collections import Counter

# Status with the try's number, the Job, and the event.
NEEDED_WRITES = 3


def write_rate(figures) -> float:
    """API writes a second."""
    return figures.writes.total() / figures.seconds


def rows(lines: list[tuple[str, ...]]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = []
    for number, line in enumerate(lines):
        text.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
        if number == 0:
            text.append("  ".join("-" * width for width in widths))
    return "\n".join(text)


def table(figures: dict, count: int, while_running: bool) -> str:
    when = "while the controller runs" if while_running else "before the controller starts"
    users = list(figures)
    lines = [(f"{count} objects created {when}", *users)]

    def add(name: str, value):
        lines.append((name, *(value(figures[user]) for user in users)))

    add("API writes per object", lambda f: f"{f.per_object(count):.2f}")
    add("seconds until each has its child", lambda f: f"{f.seconds:.2f}")
    add("seconds that creating took", lambda f: f"{f.create_seconds:.2f}")
    add("API writes a second", lambda f: f"{write_rate(f):.0f}")
    add("CPU milliseconds per object", lambda f: f"{1000 * f.cpu_seconds / count:.2f}")
    add("the API server's, per object", lambda f: f"{1000 * f.server_seconds / count:.2f}")
    add("resident memory, MiB", lambda f: f"{f.resident:.1f}")
    add("its peak, MiB", lambda f: f"{f.peak:.1f}")
    text = [rows(lines)]
    for user in users:
        writes = ", ".join(f"{name} {number}" for name, number in sorted(figures[user].writes.items()))
        text.append(f"writes of {user}: {writes}")
    return "\n".join(text) + "\n"


class Goals:
    """Goals and what became of them."""

    def __init__(self):
        self.lines: list[tuple[str, ...]] = [("goal", "wanted", "measured", "")]
        self.are_met = True

    def add(self, goal: str, wanted: str, measured: str, is_met: bool):
        self.lines.append((goal, wanted, measured, "pass" if is_met else "MISS"))
        self.are_met = self.are_met and is_met

    def rest(self, resident: float, peak: float):
        self.add("memory at rest", "≤ 40 MB", f"{resident:.1f} MiB (peak {peak:.1f})", resident * 1.048576 <= 40)

    def finished(self, resident: float, peak: float, writes: Counter, count: int, seconds: int):
        self.add(f"memory with {count} finished runs", "≤ 120 MB", f"{resident:.1f} MiB (peak {peak:.1f})",
                 resident * 1.048576 <= 120)
        self.add("peak beside what stays", "≤ 1.5 ×", f"{peak / resident:.2f} ×", peak <= 1.5 * resident)
        detail = "".join(f", {name} {number}" for name, number in writes.items())
        self.add(f"writes in {seconds} idle seconds", "0", f"{writes.total()}{detail}", not writes)

    def speed(self, figures: dict, count: int, while_running: bool):
        ours, theirs = figures["anneal-operator"], figures.get("kube-controller-manager")
        when = "created while running" if while_running else "created before the start"
        writes = ours.per_object(count)
        self.add(f"API writes per run, {when}", f"≤ {NEEDED_WRITES}", f"{writes:.2f}",
                 # The operator's own certificate is no run's.
                 round(writes, 2) <= NEEDED_WRITES)
        if not theirs:
            return
        cpu = ours.cpu_seconds / theirs.cpu_seconds
        self.add(f"CPU per object, {when}", "≤ 1.0 × theirs", f"{cpu:.2f} ×", cpu <= 1)
        # The API server sets the pace: only a client that sends the same writes can be compared.
        if bare := figures.get("bare client"):
            rate = write_rate(ours) / write_rate(bare)
            self.add(f"rate per API write, {when}", "≥ 0.95 × a bare client's", f"{rate:.2f} ×", rate >= 0.95)
        self.lines.append((f"the same beside theirs, {when}", "", f"{write_rate(ours) / write_rate(theirs):.2f} ×", ""))

    def table(self) -> str:
        return rows(self.lines)
