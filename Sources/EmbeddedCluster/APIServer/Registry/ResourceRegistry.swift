import KubernetesAPI
import Synchronization

/// Kinds that the server serves now: the built-in ones, and the custom ones that come and go.
public final class ResourceRegistry: Sendable {
    private struct State {
        /// Built-in kinds first, in the order in which discovery lists them.
        var builtIn: [ServedResource]
        var custom: [ServedResource] = []
        /// Number that grows with every change; it names a state of discovery.
        var version = 0

        var all: [ServedResource] { builtIn + custom }
    }

    private let state: Mutex<State>

    public init(builtIn: [ResourceDefinition]) {
        state = Mutex(State(builtIn: builtIn.map { ServedResource($0) }))
    }

    var all: [ServedResource] { state.withLock { $0.all } }

    var version: Int { state.withLock { $0.version } }

    func find(group: String, version: String, plural: String) -> ServedResource? {
        state.withLock { state in
            state.all.first {
                $0.type.group == group && $0.type.version == version && $0.type.plural == plural
            }
        }
    }

    /// The resource of this group and plural, in any version; nil if none is served.
    func find(group: String, plural: String) -> ServedResource? {
        state.withLock { state in
            state.all.first { $0.type.group == group && $0.type.plural == plural }
        }
    }

    /// The kind of this group and plural, built-in or custom; nil if none is served.
    public func definition(group: String, plural: String) -> ResourceDefinition? {
        find(group: group, plural: plural)?.definition
    }

    func isServed(group: String, version: String) -> Bool {
        state.withLock { state in
            state.all.contains { $0.type.group == group && $0.type.version == version }
        }
    }

    /// Serves a custom resource, in place of what the same CRD made before.
    func serve(_ resource: ServedResource) {
        state.withLock { state in
            if let index = state.custom.firstIndex(where: { $0.crdName == resource.crdName }) {
                state.custom[index] = resource
            } else {
                state.custom.append(resource)
            }
            state.version += 1
        }
    }

    func withdraw(crdName: String) {
        state.withLock { state in
            state.custom.removeAll { $0.crdName == crdName }
            state.version += 1
        }
    }
}
