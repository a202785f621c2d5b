import ArgumentParser
import ClusterControllers
import FoundationEssentials
import KubernetesAPI
import NodeAgent

struct JoinNode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Run a node agent alone, joined to any API server.")

    @Option(help: "Kubeconfig of the API server; KUBECONFIG, ~/.kube/config or the pod's own if not given.")
    var kubeconfig: String?

    @Option(help: "Name of the node.")
    var name: String

    @Option(help: "Folder of the node's state; made if it is missing.")
    var state = ".anneal-node"

    @Option(help: "Number of pretended GPUs.")
    var gpus: Int64 = 0

    @Option(help: "What the node has instead of what the machine has, key=quantity; may be repeated.")
    var capacity: [String] = []

    @Option(help: "A label, key=value; may be repeated.")
    var label: [String] = []

    @Option(help: "A taint, key=value:effect; may be repeated.")
    var taint: [String] = []

    @Option(help: "YAML or JSON file that maps images to programs.")
    var images: String?

    @Option(help: "File with the token that readers of logs present.")
    var logTokenFile: String?

    @Option(help: "PEM file of the certificate that readers of logs see; plain HTTP if not given.")
    var logCertificate: String?

    @Option(help: "PEM file of that certificate's key.")
    var logKey: String?

    @Option(help: "PEM file of the authority of the readers' certificates; who has one needs no token.")
    var logClientAuthority: String?

    @Option(help: "Second octet of the pods' addresses, 127.N.x.y; one for each node of a machine.")
    var podNetwork: UInt8?

    @Flag(help: "Let pods mount folders of this machine.")
    var allowHostPath = false

    @OptionGroup var log: LogFlags

    func run() async throws {
        let logger = try log.logger("anneal-local")
        try await explaining {
            var description = NodeDescription(name: name)
            description.labels = try labels()
            description.taints = try taint.map(Self.parse)
            description.capacity = try capacities()
            let folder = state.hasPrefix("/") ? state : FileManager.default.currentDirectoryPath + "/" + state
            let token = try logTokenFile.map { path in
                guard let data = try? Data(contentsOf: URL(filePath: path)) else {
                    throw ValidationError(
                        "--log-token-file \(path): the file cannot be read; give the path of an existing file"
                    )
                }
                return String(decoding: data, as: UTF8.self).filter { !$0.isWhitespace }
            }
            let node = try JoinedServices.node(
                description, stateFolder: folder,
                images: try images.map { try ImageFile.load($0) } ?? BuiltInImages.map,
                logReaders: LogReaders(token: token, tls: try logCertificates()),
                allowsHostPath: allowHostPath, podNetwork: podNetwork, kubeconfig: kubeconfig,
                logger: logger)
            say("Node \(name) joins; Ctrl-C ends it and its pods.")
            try await serve([node], logger: logger)
        }
    }

    private func logCertificates() throws -> LogReaders.Certificates? {
        switch (logCertificate, logKey, logClientAuthority) {
        case (nil, nil, nil): return nil
        case (let certificate?, let key?, let authority?):
            return LogReaders.Certificates(certificate: certificate, key: key, clientAuthority: authority)
        default:
            throw ValidationError("--log-certificate, --log-key and --log-client-authority go together")
        }
    }

    private func labels() throws -> [String: String] {
        try Self.pairs(label) { "--label \($0) is no label; write key=value" }
    }

    private func capacities() throws -> [String: Quantity] {
        var capacities = gpus > 0 ? ["nvidia.com/gpu": Quantity(gpus)] : [:]
        func mistake(_ text: String) -> String { "--capacity \(text) is no capacity; write cpu=64, say" }
        for (key, value) in try Self.pairs(capacity, mistake) {
            guard let quantity = Quantity(value) else {
                throw ValidationError(mistake("\(key)=\(value)"))
            }
            capacities[key] = quantity
        }
        return capacities
    }

    private static func pairs(
        _ texts: [String], _ mistake: (String) -> String
    ) throws -> [String: String] {
        var pairs: [String: String] = [:]
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { throw ValidationError(mistake(text)) }
            pairs[String(parts[0])] = String(parts[1])
        }
        return pairs
    }

    private static func parse(_ text: String) throws -> Taint {
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
        let parts = text.split(separator: ":")
        guard parts.count == 2, let effect = parts.last.map(String.init), effects.contains(effect) else {
            throw ValidationError(
                "--taint \(text) is no taint; write key=value:effect, with the effect "
                    + "\(effects.joined(separator: ", "))"
            )
        }
        let pair = parts[0].split(separator: "=", maxSplits: 1).map(String.init)
        return Taint(key: pair[0], value: pair.count == 2 ? pair[1] : nil, effect: effect)
    }
}

struct JoinControllers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "controllers", abstract: "Run controllers alone, for a control plane that lacks them.")

    @Option(help: "Kubeconfig of the API server; KUBECONFIG, ~/.kube/config or the pod's own if not given.")
    var kubeconfig: String?

    @Option(
        help: """
            A controller to run; may be repeated; all but the provisioner, which is a part of volume, if not \
            given. One of: \
            \(ClusterControllers.Name.allCases.map(\.rawValue).joined(separator: ", ")).
            """
    )
    var controller: [String] = []

    @Option(help: "Folder in which volumes are made.")
    var volumes = ".anneal-volumes"

    @OptionGroup var log: LogFlags

    func run() async throws {
        let logger = try log.logger("anneal-local")
        try await explaining {
            let names = try controller.map { text in
                guard let name = ClusterControllers.Name(rawValue: text) else {
                    throw ValidationError(
                        "--controller \(text): no such controller; use one of "
                            + ClusterControllers.Name.allCases.map(\.rawValue).joined(separator: ", "))
                }
                return name
            }
            let folder =
                volumes.hasPrefix("/") ? volumes : FileManager.default.currentDirectoryPath + "/" + volumes
            let service = try JoinedServices.controllers(
                names.isEmpty ? ClusterControllers.Name.whole : Set(names), volumesFolder: folder,
                kubeconfig: kubeconfig, logger: logger)
            try await serve([service], logger: logger)
        }
    }
}
