import KubernetesAPI
import ObjectPatching

/// The parts of `metadata` that the server itself reads and writes.
extension JSONValue {
    subscript(metadata field: String) -> JSONValue? {
        get { self["metadata"]?[field] }
        set {
            var metadata = self["metadata"] ?? [:]
            metadata[field] = newValue
            self["metadata"] = metadata
        }
    }

    var objectName: String { self[metadata: "name"]?.stringValue ?? "" }
    var objectNamespace: String { self[metadata: "namespace"]?.stringValue ?? "" }
    var uid: String { self[metadata: "uid"]?.stringValue ?? "" }
    var isBeingDeleted: Bool { !(self[metadata: "deletionTimestamp"]?.isNull ?? true) }
    var finalizers: [String] {
        get { (self[metadata: "finalizers"]?.arrayValue ?? []).compactMap(\.stringValue) }
        set {
            self[metadata: "finalizers"] =
                newValue.isEmpty ? JSONValue?.none : .array(newValue.map(JSONValue.string))
        }
    }

    var generation: Int64? {
        get { self[metadata: "generation"]?.integerValue }
        set { self[metadata: "generation"] = newValue.map(JSONValue.integer) }
    }

    /// Drops empty collections of metadata, which a real server never writes.
    mutating func tidyMetadata() {
        for field in ["labels", "annotations", "finalizers", "ownerReferences", "managedFields"] {
            switch self[metadata: field] {
            case .null, .array([]), .object([:]): self[metadata: field] = nil
            default: break
            }
        }
        for field in [
            "generateName", "selfLink", "resourceVersion", "uid", "namespace", "deletionTimestamp",
            "deletionGracePeriodSeconds", "creationTimestamp", "generation",
        ] {
            switch self[metadata: field] {
            case .null, .string(""): self[metadata: field] = nil
            default: break
            }
        }
    }

    /// Whether writing this over `other` would change anything but the times of managed fields.
    func isSameContent(as other: JSONValue) -> Bool {
        self == other || FieldManager.keepingTimes(of: other, in: self) == other
    }

    /// Whether the value is null or an empty text.
    var isEmptyText: Bool { isNull || stringValue?.isEmpty == true }
}
