import Foundation
import Testing

/// Back end of the suites, chosen by `hack/e2e --backend`.
enum Backend: Sendable {
    /// `anneal-local up`.
    case embedded
    /// A folder with etcd, kube-apiserver, kube-controller-manager and, if it is there, kube-scheduler.
    case controlPlane(URL)
    /// An existing cluster.
    case given(kubeconfig: URL)

    struct Mistake: Error, CustomStringConvertible { var description: String }

    /// The back end that `ANNEAL_E2E_BACKEND`, `KUBEBUILDER_ASSETS` and `ANNEAL_E2E_KUBECONFIG` choose.
    static func chosen(
        _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> Backend {
        switch environment["ANNEAL_E2E_BACKEND"] ?? "embedded" {
        case "embedded": return .embedded
        case "control-plane":
            guard let folder = environment["KUBEBUILDER_ASSETS"], !folder.isEmpty else {
                throw Mistake(
                    description: "KUBEBUILDER_ASSETS is not set; name the folder with etcd and kube-apiserver"
                )
            }
            return .controlPlane(URL(fileURLWithPath: folder, isDirectory: true))
        case "kubeconfig":
            guard let path = environment["ANNEAL_E2E_KUBECONFIG"], !path.isEmpty else {
                throw Mistake(description: "ANNEAL_E2E_KUBECONFIG is not set; name the kubeconfig to use")
            }
            return .given(kubeconfig: URL(fileURLWithPath: path))
        case let other:
            throw Mistake(
                description: "ANNEAL_E2E_BACKEND is \(other); use embedded, control-plane or kubeconfig")
        }
    }

    /// A property that a suite may need and that not every cluster has.
    enum Feature: String, Sendable {
        /// Nodes that run the programs of the fixtures, which lie in no registry.
        case fixturePods
        /// A log of all requests.
        case audit
        /// Servers that may be killed.
        case deaths
        /// No Anneal but ours, so that its definitions may be deleted.
        case vacancy
    }

    func offers(_ feature: Feature) -> Bool {
        switch (self, feature) {
        case (.embedded, _), (.controlPlane, _): true
        case (.given, .fixturePods): ProcessInfo.processInfo.environment["ANNEAL_E2E_JOIN_NODES"] == "1"
        case (.given, .audit), (.given, .deaths), (.given, .vacancy): false
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips the tests, with a reason that the runner prints, on a cluster that lacks a property.
    static func needs(_ features: Backend.Feature...) -> Self {
        let names = features.map(\.rawValue).joined(separator: ", ")
        return .enabled("this needs \(names), which this back end does not all have") {
            let backend = try Backend.chosen()
            return features.allSatisfy(backend.offers)
        }
    }
}
