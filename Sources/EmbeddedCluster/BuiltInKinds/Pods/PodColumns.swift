import APIServer
import KubernetesAPI
import Scheduling

/// The table of `kubectl get pods`.
enum PodColumns {
    static let all: [PrinterColumn] = [
        PrinterColumn(
            "Ready", description: "The aggregate readiness state of this pod for accepting traffic.",
            source: .computed { pod, context in .string(PodSummary(pod, context).ready) }),
        PrinterColumn(
            "Status", description: "The aggregate status of the containers in this pod.",
            source: .computed { pod, context in .string(PodSummary(pod, context).reason) }),
        PrinterColumn(
            "Restarts",
            description:
                "The number of times the containers in this pod have been restarted and when the last"
                + " container in this pod has restarted.",
            source: .computed { pod, context in .string(PodSummary(pod, context).restarts) }),
        .age,
        PrinterColumn(
            "IP",
            description:
                "podIP address allocated to the pod. Routable at least within the cluster. Empty if not"
                + " yet allocated.",
            priority: 1, source: Cells.text(["status", "podIP"])),
        PrinterColumn(
            "Node", description: "NodeName indicates in which node this pod is scheduled.", priority: 1,
            source: Cells.text(["spec", "nodeName"])),
        PrinterColumn(
            "Nominated Node",
            description: "nominatedNodeName is set only when this pod preempts other pods on the node, but it"
                + " cannot be scheduled right away as preemption victims receive their graceful termination"
                + " periods.", priority: 1, source: Cells.text(["status", "nominatedNodeName"])),
        PrinterColumn(
            "Readiness Gates",
            description: "If specified, all readiness gates will be evaluated for pod readiness.",
            priority: 1,
            source: .computed { pod, _ in .string(readinessGates(pod)) }),
    ]

    private static func readinessGates(_ pod: JSONValue) -> String {
        let gates = pod[path: ["spec", "readinessGates"]]?.arrayValue ?? []
        guard !gates.isEmpty else { return "<none>" }
        let met = gates.count { gate in
            gate["conditionType"]?.stringValue.map { Cells.isTrue(pod, $0) } ?? false
        }
        return "\(met)/\(gates.count)"
    }
}

/// A pod in three words, as upstream's `printPod` puts it.
struct PodSummary {
    private(set) var reason: String
    private var restartCount: Int64 = 0
    private var lastRestart: Timestamp?
    private var readyCount = 0
    private var totalCount: Int
    private let context: CellContext

    var ready: String { "\(readyCount)/\(totalCount)" }

    var restarts: String {
        guard restartCount != 0, let lastRestart else { return String(restartCount) }
        return "\(restartCount) (\(context.duration(since: lastRestart)) ago)"
    }

    init(_ pod: JSONValue, _ context: CellContext) {
        self.context = context
        let status = pod["status"] ?? [:]
        let phase = status["phase"]?.stringValue ?? ""
        let given = status["reason"]?.stringValue ?? ""
        reason = given.isEmpty ? phase : given
        totalCount = pod[path: ["spec", "containers"]]?.arrayValue?.count ?? 0
        let isGated = (status["conditions"]?.arrayValue ?? []).contains {
            $0["type"] == "PodScheduled" && $0["reason"] == "SchedulingGated"
        }
        if isGated { reason = "SchedulingGated" }
        let sidecars = SidecarNames(pod)
        totalCount += sidecars.names.count
        let sidecarRestarts = summarizeInit(pod, status, sidecars)
        if let sidecarRestarts {
            (restartCount, lastRestart) = sidecarRestarts
            summarizeContainers(status)
        }
        let isDying = pod[path: ["metadata", "deletionTimestamp"]] != nil
        if isDying, given == "NodeLost" {
            reason = "Unknown"
        } else if isDying, !Pod.isFinished(phase: phase) {
            reason = "Terminating"
        }
    }

    private struct SidecarNames {
        var names: Set<String>
        var initCount: Int

        init(_ pod: JSONValue) {
            let containers = pod[path: ["spec", "initContainers"]]?.arrayValue ?? []
            initCount = containers.count
            names = Set(
                containers.filter { $0["restartPolicy"] == "Always" }.compactMap { $0["name"]?.stringValue })
        }
    }

    /// Adds up the init containers, and returns the restarts of sidecars; nil while the pod is initializing.
    private mutating func summarizeInit(
        _ pod: JSONValue, _ status: JSONValue, _ sidecars: SidecarNames
    ) -> (Int64, Timestamp?)? {
        var ofSidecars: (count: Int64, last: Timestamp?) = (0, nil)
        for (index, container) in (status["initContainerStatuses"]?.arrayValue ?? []).enumerated() {
            let count = container["restartCount"]?.integerValue ?? 0
            let last = Self.lastEnd(container)
            add(count, last)
            let isSidecar = sidecars.names.contains(container["name"]?.stringValue ?? "")
            if isSidecar {
                ofSidecars = (ofSidecars.count &+ count, Self.later(ofSidecars.last, last))
            }
            let terminated = container[path: ["state", "terminated"]]
            if let terminated, (terminated["exitCode"]?.integerValue ?? 0) == 0 { continue }
            if isSidecar, container["started"] == true {
                if container["ready"] == true { readyCount += 1 }
                continue
            }
            let waiting = container[path: ["state", "waiting", "reason"]]?.stringValue ?? ""
            if let terminated {
                reason = "Init:" + Self.ending(terminated)
            } else if !waiting.isEmpty, waiting != "PodInitializing" {
                reason = "Init:" + waiting
            } else {
                reason = "Init:\(index)/\(sidecars.initCount)"
            }
            return Cells.isTrue(pod, "Initialized") ? ofSidecars : nil
        }
        return ofSidecars
    }

    private mutating func summarizeContainers(_ status: JSONValue) {
        var hasRunning = false
        for container in (status["containerStatuses"]?.arrayValue ?? []).reversed() {
            add(container["restartCount"]?.integerValue ?? 0, Self.lastEnd(container))
            let waiting = container[path: ["state", "waiting", "reason"]]?.stringValue ?? ""
            if !waiting.isEmpty {
                reason = waiting
            } else if let terminated = container[path: ["state", "terminated"]] {
                reason = Self.ending(terminated)
            } else if container["ready"] == true, container[path: ["state", "running"]] != nil {
                hasRunning = true
                readyCount += 1
            }
        }
        if reason == "Completed", hasRunning {
            let isReady = (status["conditions"]?.arrayValue ?? []).contains {
                $0["type"] == "Ready" && $0["status"] == "True"
            }
            reason = isReady ? "Running" : "NotReady"
        }
    }

    private mutating func add(_ count: Int64, _ last: Timestamp?) {
        restartCount &+= count
        lastRestart = Self.later(lastRestart, last)
    }

    private static func later(_ a: Timestamp?, _ b: Timestamp?) -> Timestamp? {
        guard let a, let b else { return a ?? b }
        return max(a, b)
    }

    private static func lastEnd(_ container: JSONValue) -> Timestamp? {
        container[path: ["lastState", "terminated", "finishedAt"]]?.stringValue.flatMap { Timestamp($0) }
    }

    private static func ending(_ terminated: JSONValue) -> String {
        let reason = terminated["reason"]?.stringValue ?? ""
        guard reason.isEmpty else { return reason }
        let signal = terminated["signal"]?.integerValue ?? 0
        return signal != 0 ? "Signal:\(signal)" : "ExitCode:\(terminated["exitCode"]?.integerValue ?? 0)"
    }
}
