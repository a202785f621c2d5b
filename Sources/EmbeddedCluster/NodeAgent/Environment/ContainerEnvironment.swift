import KubernetesAPI

/// Error in a container's configuration; the message of `CreateContainerConfigError`.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    public var message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}

/// The ConfigMaps and Secrets that a pod names, from its namespace. A missing name is an object that does not
/// exist.
public struct NamespaceObjects: Sendable {
    public var configMaps: [String: ConfigMap]
    public var secrets: [String: Secret]

    public init(configMaps: [String: ConfigMap] = [:], secrets: [String: Secret] = [:]) {
        self.configMaps = configMaps
        self.secrets = secrets
    }
}

/// A container's environment: the variables of the cluster and of the image, `envFrom`, then `env`, the later
/// winning, with `$(NAME)` replaced by the variables defined before.
public struct ContainerEnvironment: Sendable {
    public var fields: DownwardFields
    public var objects: NamespaceObjects
    public var allocatable: [String: Quantity]
    /// Variables that every container gets, such as `KUBERNETES_SERVICE_HOST`.
    public var base: [String: String]

    public init(
        fields: DownwardFields, objects: NamespaceObjects, allocatable: [String: Quantity] = [:],
        base: [String: String] = [:]
    ) {
        self.fields = fields
        self.objects = objects
        self.allocatable = allocatable
        self.base = base
    }

    public func variables(
        of container: Container, image: ContainerImage
    ) throws(ConfigurationError) -> [String: String] {
        var defined = base
        for source in container.envFrom ?? [] { try add(source, to: &defined) }
        for variable in container.env ?? [] {
            guard let value = try value(of: variable, container: container, defined: defined) else {
                continue
            }
            defined[variable.name] = value
        }
        return (image.env ?? [:]).merging(defined) { _, fromPod in fromPod }
    }

    private func add(_ source: EnvFromSource, to defined: inout [String: String]) throws(ConfigurationError) {
        let prefix = source.prefix ?? ""
        if let reference = source.configMapRef {
            let name = reference.name ?? ""
            if let map = objects.configMaps[name] {
                for (key, value) in map.data ?? [:] { defined[prefix + key] = value }
            } else if reference.optional != true {
                throw ConfigurationError("configmap \"\(name)\" not found")
            }
        }
        if let reference = source.secretRef {
            let name = reference.name ?? ""
            if let secret = objects.secrets[name] {
                for (key, value) in secret.data ?? [:] {
                    defined[prefix + key] = String(decoding: value, as: UTF8.self)
                }
            } else if reference.optional != true {
                throw ConfigurationError("secret \"\(name)\" not found")
            }
        }
    }

    private func value(
        of variable: EnvVar, container: Container, defined: [String: String]
    ) throws(ConfigurationError) -> String? {
        guard let source = variable.valueFrom else {
            return VariableExpansion.expand(variable.value ?? "") { defined[$0] }
        }
        if let field = source.fieldRef {
            guard let value = fields.value(of: field.fieldPath) else {
                throw ConfigurationError("unsupported fieldPath: \(field.fieldPath)")
            }
            return value
        }
        if let selector = source.resourceFieldRef {
            guard
                let value = DownwardFields.resource(selector, of: container, allocatable: allocatable)
            else { throw ConfigurationError("unsupported container resource: \(selector.resource)") }
            return value
        }
        if let selector = source.configMapKeyRef { return try configMapValue(selector) }
        if let selector = source.secretKeyRef { return try secretValue(selector) }
        return ""
    }

    private func configMapValue(_ selector: KeySelector) throws(ConfigurationError) -> String? {
        let name = selector.name ?? ""
        guard let map = objects.configMaps[name] else {
            if selector.optional == true { return nil }
            throw ConfigurationError("configmap \"\(name)\" not found")
        }
        if let value = map.data?[selector.key] { return value }
        if selector.optional == true { return nil }
        throw ConfigurationError(
            "couldn't find key \(selector.key) in ConfigMap \(fields.pod.namespace)/\(name)")
    }

    private func secretValue(_ selector: KeySelector) throws(ConfigurationError) -> String? {
        let name = selector.name ?? ""
        guard let secret = objects.secrets[name] else {
            if selector.optional == true { return nil }
            throw ConfigurationError("secret \"\(name)\" not found")
        }
        if let value = secret.data?[selector.key] { return String(decoding: value, as: UTF8.self) }
        if selector.optional == true { return nil }
        throw ConfigurationError(
            "couldn't find key \(selector.key) in Secret \(fields.pod.namespace)/\(name)")
    }
}
