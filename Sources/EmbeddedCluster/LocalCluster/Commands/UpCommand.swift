import ArgumentParser
import FoundationEssentials
import KubernetesAPI
import NodeAgent

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start a cluster; Ctrl-C stops it and all that it started.",
        discussion: """
            The state folder keeps everything: the same command with the same --state goes on where the last
            one ended, also after a kill.
            """)

    @Option(help: "Folder of the cluster's state; made if it is missing.")
    var state = ".anneal-local"

    @Option(help: "Port of the API server; 0 takes the last one, or any that is free.")
    var port = 0

    @Option(help: "YAML or JSON file with the nodes: nodes: [{name, labels, taints, capacity}].")
    var nodes: String?

    @Option(help: "Number of pretended GPU nodes, beside one CPU node; the last of several is a spot node.")
    var gpuNodes = 2

    @Option(help: "Number of pretended GPUs of each GPU node.")
    var gpusPerNode = 4

    @Option(
        help: "YAML or JSON file that maps images to programs: images: {REFERENCE: {entrypoint, env, …}}.")
    var images: String?

    @Option(help: "Where the kubeconfig is written; kubeconfig in the state folder if not given.")
    var kubeconfig: String?

    @Option(help: "File to which every request is logged as a line of JSON.")
    var auditLog: String?

    @Option(help: "Seconds that a Job waits after its first failure; doubled with each one.")
    var jobBackoff: Int64 = 10

    @Flag(help: "Let pods mount folders of this machine.")
    var allowHostPath = false

    @OptionGroup var log: LogFlags

    func run() async throws {
        let logger = try log.logger("anneal-local")
        try await explaining {
            let cluster = try await LocalCluster(configuration: try clusterConfiguration(), logger: logger) {
                progress in
                say(progress)
            }
            try await serve([cluster], logger: logger)
        }
        say("The cluster has stopped. Its state is in \(state).")
    }

    private func clusterConfiguration() throws -> LocalCluster.Configuration {
        let folder = URL(filePath: state).path
        var configuration = LocalCluster.Configuration(stateFolder: absolute(folder))
        configuration.port = port
        configuration.nodes =
            try nodes.map { try NodeLayout.load($0) }
            ?? NodeLayout.standard(gpuNodes: gpuNodes, gpusPerNode: gpusPerNode)
        configuration.images = try images.map { try ImageFile.load($0) } ?? configuration.images
        configuration.auditLog = auditLog.map(absolute)
        configuration.kubeconfig = kubeconfig.map(absolute)
        configuration.allowsHostPath = allowHostPath
        configuration.jobBackoffBase = jobBackoff
        return configuration
    }

    private func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    func validate() throws {
        guard (0...65_535).contains(port) else {
            throw ValidationError(
                "--port \(port) is no port; use 0 to 65535, or leave it out for any free one")
        }
        guard (0...64).contains(gpuNodes) else {
            throw ValidationError("--gpu-nodes \(gpuNodes) is out of range; use 0 to 64")
        }
        guard (0...64).contains(gpusPerNode) else {
            throw ValidationError("--gpus-per-node \(gpusPerNode) is out of range; use 0 to 64")
        }
        guard (0...600).contains(jobBackoff) else {
            throw ValidationError("--job-backoff \(jobBackoff) is out of range; use 0 to 600 seconds")
        }
    }
}

private func say(_ progress: LocalCluster.Progress) {
    switch progress {
    case .listening(let address, let kubeconfig):
        say("API server: \(address)\nUse it with:\n\n    export KUBECONFIG=\(kubeconfig)\n")
    case .node(let name, let gpus): say("Node \(name)" + (gpus > 0 ? ": \(gpus) GPUs (pretended)" : ""))
    case .ready: say("The cluster is ready.")
    case .stopping: say("Stopping: pods are ended first …")
    }
}
