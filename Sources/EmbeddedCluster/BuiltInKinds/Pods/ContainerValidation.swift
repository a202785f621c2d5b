import KubernetesAPI

/// Rules of one container.
enum ContainerValidation {
    static func validate(
        _ container: JSONValue, volumes: Set<String>, isInit: Bool, at path: String
    ) -> [FieldError] {
        var errors: [FieldError] = []
        // A missing name is the schema's to report.
        if let name = container["name"]?.stringValue { errors += FieldChecks.label(name, at: "\(path).name") }
        let image = container["image"]?.stringValue ?? ""
        if image.isEmpty {
            errors.append(.required("\(path).image"))
        } else if image.first?.isWhitespace == true || image.last?.isWhitespace == true {
            errors.append(
                .invalid("\(path).image", .string(image), "must not have leading or trailing whitespace"))
        }
        errors += validateResources(container["resources"], at: "\(path).resources")
        errors += validateEnvironment(container, at: path)
        errors += validateMounts(container["volumeMounts"], volumes, at: "\(path).volumeMounts")
        errors += validatePorts(container["ports"], at: "\(path).ports")
        errors += validateRestart(container, isInit: isInit, at: path)
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            errors += validateProbe(container[probe], at: "\(path).\(probe)")
        }
        return errors + SecurityValidation.validateContainer(container, at: path)
    }

    private static func validateRestart(_ container: JSONValue, isInit: Bool, at path: String) -> [FieldError]
    {
        let isSidecar = container["restartPolicy"] == "Always"
        guard isInit, !isSidecar else { return [] }
        // Ordinary init containers end before anything could probe them.
        return ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"].compactMap { field in
            guard container[field] != nil else { return nil }
            return .forbidden(
                "\(path).\(field)", "may not be set for init containers without restartPolicy=Always")
        }
    }

    private static func validateResources(_ resources: JSONValue?, at path: String) -> [FieldError] {
        let limits = resources?["limits"]?.objectValue ?? [:]
        let requests = resources?["requests"]?.objectValue ?? [:]
        var errors = FieldChecks.quantities(resources?["limits"], at: "\(path).limits")
        errors += FieldChecks.quantities(resources?["requests"], at: "\(path).requests")
        guard errors.isEmpty else { return errors }
        for (name, request) in requests.sorted(by: { $0.key < $1.key }) {
            let requested = request.stringValue.flatMap { Quantity($0) }
            guard let limit = limits[name]?.stringValue.flatMap({ Quantity($0) }) else {
                if isNotOvercommitted(name) {
                    errors.append(
                        .required("\(path).limits", "Limit must be set for non overcommitable resources"))
                }
                continue
            }
            guard let requested else { continue }
            if isNotOvercommitted(name), requested != limit {
                errors.append(
                    .invalid("\(path).requests", request, "must be equal to \(name) limit of \(limit.text)"))
            } else if requested.milliunits > limit.milliunits {
                errors.append(
                    .invalid(
                        "\(path).requests", request,
                        "must be less than or equal to \(name) limit of \(limit.text)"))
            }
        }
        for name in Set(limits.keys).union(requests.keys).sorted() where !isKnown(name) {
            let list = limits[name] == nil ? "requests" : "limits"
            errors.append(
                .invalid(
                    "\(path).\(list)[\(name)]", .string(name),
                    "must be a standard resource type or fully qualified"))
        }
        return errors
    }

    /// Extended resources and huge pages cannot be promised twice.
    private static func isNotOvercommitted(_ name: String) -> Bool {
        name.contains("/") || name.hasPrefix("hugepages-")
    }

    private static func isKnown(_ name: String) -> Bool {
        ["cpu", "memory", "ephemeral-storage", "storage"].contains(name) || isNotOvercommitted(name)
    }

    private static func validateEnvironment(_ container: JSONValue, at path: String) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, variable) in (container["env"]?.arrayValue ?? []).enumerated() {
            let place = "\(path).env[\(index)]"
            let name = variable["name"]?.stringValue ?? ""
            if name.isEmpty { errors.append(.required("\(place).name")) }
            errors += nameProblems(name).map { .invalid("\(place).name", .string(name), $0) }
            guard let source = variable["valueFrom"]?.objectValue else { continue }
            if let value = variable["value"]?.stringValue, !value.isEmpty {
                errors.append(
                    .invalid("\(place).valueFrom", "", "may not be specified when `value` is not empty"))
            }
            if source.isEmpty {
                errors.append(
                    .invalid(
                        "\(place).valueFrom", "",
                        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`,"
                            + " `secretKeyRef` or `fileKeyRef`"))
            } else if source.count > 1 {
                errors.append(
                    .invalid("\(place).valueFrom", "", "may not have more than one field specified at a time")
                )
            }
            for (kind, reference) in source where kind == "configMapKeyRef" || kind == "secretKeyRef" {
                if (reference["name"]?.stringValue ?? "").isEmpty {
                    errors.append(.required("\(place).valueFrom.\(kind).name"))
                }
            }
            if let field = source["fieldRef"]?["fieldPath"] {
                errors += validateFieldPath(field, at: "\(place).valueFrom.fieldRef.fieldPath")
            }
        }
        return errors
    }

    private static func nameProblems(_ name: String) -> [String] {
        let isFine = name.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) && $0 != "=" }
        return isFine
            ? []
            : [
                "a valid environment variable name must consist only of printable ASCII characters other"
                    + " than '='"
            ]
    }

    private static func validateFieldPath(_ field: JSONValue, at path: String) -> [FieldError] {
        let known = [
            "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
            "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
        ]
        let text = field.stringValue ?? ""
        let isSubscripted = ["metadata.labels['", "metadata.annotations['"].contains { text.hasPrefix($0) }
        guard !known.contains(text), !(isSubscripted && text.hasSuffix("']")) else { return [] }
        return [.notSupported(path, field, supported: known.sorted())]
    }

    private static func validateMounts(
        _ mounts: JSONValue?, _ volumes: Set<String>, at path: String
    ) -> [FieldError] {
        var errors: [FieldError] = []
        var paths: Set<String> = []
        for (index, mount) in (mounts?.arrayValue ?? []).enumerated() {
            let place = "\(path)[\(index)]"
            let name = mount["name"]?.stringValue ?? ""
            if name.isEmpty {
                errors.append(.required("\(place).name"))
            } else if !volumes.contains(name) {
                errors.append(.notFound("\(place).name", .string(name)))
            }
            let target = mount["mountPath"]?.stringValue ?? ""
            if target.isEmpty {
                errors.append(.required("\(place).mountPath"))
            } else if !paths.insert(target).inserted {
                errors.append(.invalid("\(place).mountPath", .string(target), "must be unique"))
            }
            if target.contains(":") {
                errors.append(.invalid("\(place).mountPath", .string(target), "must not contain ':'"))
            }
            for field in ["subPath", "subPathExpr"] {
                guard let sub = mount[field]?.stringValue, !sub.isEmpty else { continue }
                errors += VolumeValidation.localPath(sub, at: "\(place).\(field)")
            }
        }
        return errors
    }

    private static func validatePorts(_ ports: JSONValue?, at path: String) -> [FieldError] {
        var errors: [FieldError] = []
        var names: Set<String> = []
        for (index, port) in (ports?.arrayValue ?? []).enumerated() {
            let place = "\(path)[\(index)]"
            errors += FieldChecks.port(port["containerPort"], at: "\(place).containerPort")
            if port["hostPort"] != 0 { errors += FieldChecks.port(port["hostPort"], at: "\(place).hostPort") }
            guard let name = port["name"]?.stringValue, !name.isEmpty else { continue }
            if name.utf8.count > 15 {
                errors.append(.invalid("\(place).name", .string(name), "must be no more than 15 characters"))
            }
            if !names.insert(name).inserted { errors.append(.duplicate("\(place).name", .string(name))) }
        }
        return errors
    }

    private static func validateProbe(_ probe: JSONValue?, at path: String) -> [FieldError] {
        guard let probe, probe.objectValue != nil else { return [] }
        let handlers = ["exec", "grpc", "httpGet", "tcpSocket"].filter { probe[$0] != nil }
        var errors: [FieldError] = []
        if handlers.isEmpty { errors.append(.required(path, "must specify a handler type")) }
        for extra in handlers.dropFirst() {
            errors.append(.forbidden("\(path).\(extra)", "may not specify more than 1 handler type"))
        }
        return errors
            + FieldChecks.notNegative(
                probe,
                [
                    "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold",
                    "failureThreshold",
                ],
                at: path)
    }
}
