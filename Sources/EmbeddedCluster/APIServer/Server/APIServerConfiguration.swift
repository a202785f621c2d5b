import KubernetesAPI
import Logging

/// Settings of an API server.
public struct APIServerConfiguration: Sendable {
    /// Folder of the database, the certificates and the keys; made if it is missing.
    public var stateDirectory: String
    public var host: String
    /// Port to listen on; 0 for any free port. The one that was used last is taken again if it is free.
    public var port: Int
    /// Path of the file in which every request is logged as a line of JSON; nil for no log.
    public var auditLogPath: String?
    /// Kinds that are served beside those for access reviews and custom resource definitions.
    public var resources: [ResourceDefinition]
    /// Plugins that may change or refuse a write, in the order in which they are asked.
    public var admissionPlugins: [any AdmissionPlugin]
    public var environment: ServerEnvironment
    /// Number of changes that watches and paged lists can go back; older ones get 410.
    public var historyLimit: Int64
    /// Time between two checks whether history is to be compacted.
    public var compactionInterval: Duration
    public var bookmarkInterval: Duration
    public var logger: Logger

    public init(
        stateDirectory: String, resources: [ResourceDefinition], admissionPlugins: [any AdmissionPlugin],
        host: String = "127.0.0.1", port: Int = 0, auditLogPath: String? = nil,
        environment: ServerEnvironment = .live, historyLimit: Int64 = 20_000,
        compactionInterval: Duration = .seconds(60), bookmarkInterval: Duration = .seconds(60),
        logger: Logger = Logger(label: "anneal.apiserver")
    ) {
        self.stateDirectory = stateDirectory
        self.host = host
        self.port = port
        self.auditLogPath = auditLogPath
        self.resources = resources
        self.admissionPlugins = admissionPlugins
        self.environment = environment
        self.historyLimit = historyLimit
        self.compactionInterval = compactionInterval
        self.bookmarkInterval = bookmarkInterval
        self.logger = logger
    }
}
