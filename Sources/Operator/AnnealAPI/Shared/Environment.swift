/// A variable that a container gets in its environment.
public struct EnvironmentVariable: Codable, Hashable, Sendable {
    /// Name of the variable.
    public var name: String
    /// Value of the variable, as it is: no other variable is expanded. Nil with `valueFrom`.
    public var value: String?
    /// Place that the value comes from when the container starts. Nil with `value`.
    public var valueFrom: VariableSource?

    /// A variable by name and value.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    /// A variable whose value comes from elsewhere.
    public init(name: String, valueFrom: VariableSource) {
        self.name = name
        self.valueFrom = valueFrom
    }
}

/// Place that a variable's value comes from; exactly one of them.
public struct VariableSource: Codable, Hashable, Sendable {
    /// A key of a Secret of this namespace, which says by its key allowedInPrograms, true, that programs of runs may
    /// have its values; also where the reference is optional. Nil with another source.
    public var secretKeyRef: KeyReference?
    /// A key of a ConfigMap of this namespace. Nil with another source.
    public var configMapKeyRef: KeyReference?
    /// A field of the pod. Nil with another source.
    public var fieldRef: FieldReference?

    /// A key of a Secret.
    public static func secret(_ name: String, key: String) -> VariableSource {
        var source = VariableSource()
        source.secretKeyRef = KeyReference(name: name, key: key)
        return source
    }

    /// A key of a ConfigMap.
    public static func configMap(_ name: String, key: String) -> VariableSource {
        var source = VariableSource()
        source.configMapKeyRef = KeyReference(name: name, key: key)
        return source
    }

    /// A field of the pod, such as `metadata.name`.
    public static func field(_ path: String) -> VariableSource {
        var source = VariableSource()
        source.fieldRef = FieldReference(fieldPath: path)
        return source
    }
}

/// A key of a Secret or of a ConfigMap of the run's namespace.
public struct KeyReference: Codable, Hashable, Sendable {
    /// Name of the object.
    public var name: String
    /// Key whose value is taken.
    public var key: String
    /// Whether the container starts, without the variable, where object or key is missing. Nil: it does not.
    public var optional: Bool?

    /// A key that must be there.
    public init(name: String, key: String) {
        self.name = name
        self.key = key
    }
}

/// A field of the pod that a container runs in.
public struct FieldReference: Codable, Hashable, Sendable {
    /// Version of the pod that the path is of: v1. Nil is v1.
    public var apiVersion: String?
    /// Path of the field: metadata.name, metadata.namespace, metadata.uid, metadata.labels['<key>'],
    /// metadata.annotations['<key>'], spec.nodeName, spec.serviceAccountName, status.hostIP, status.hostIPs,
    /// status.podIP or status.podIPs.
    public var fieldPath: String

    /// A field of a v1 pod.
    public init(fieldPath: String) { self.fieldPath = fieldPath }
}

/// A Secret of the run's namespace by which a node pulls images from a private registry.
public struct PullSecret: Codable, Hashable, Sendable {
    /// Name of the Secret.
    public var name: String

    /// A Secret by its name.
    public init(name: String) { self.name = name }

    /// Takes an object with the name, or the name alone, as runs of older releases have it.
    public init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            self.name = name
        } else {
            name = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .name)
        }
    }
}
