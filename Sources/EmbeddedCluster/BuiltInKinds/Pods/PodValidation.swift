import APIServer
import KubernetesAPI

/// Rules of a pod's spec across fields, in upstream's words.
enum PodValidation {
    static func validate(spec: JSONValue, at path: String) -> [FieldError] {
        let volumes = volumeNames(spec)
        var errors = validateVolumes(spec["volumes"], at: "\(path).volumes")
        let containers = spec["containers"]?.arrayValue ?? []
        if spec["containers"] != nil, containers.isEmpty { errors.append(.required("\(path).containers")) }
        var names: Set<String> = []
        for list in ["initContainers", "containers"] {
            for (index, container) in (spec[list]?.arrayValue ?? []).enumerated() {
                let place = "\(path).\(list)[\(index)]"
                errors += ContainerValidation.validate(
                    container, volumes: volumes, isInit: list == "initContainers", at: place)
                let name = container["name"]?.stringValue ?? ""
                if !name.isEmpty, !names.insert(name).inserted {
                    errors.append(.duplicate("\(place).name", .string(name)))
                }
            }
        }
        return errors + validateNumbers(spec, path) + validateNames(spec, path)
            + validatePlacement(spec, path) + SecurityValidation.validatePod(spec, at: path)
    }

    private static func volumeNames(_ spec: JSONValue) -> Set<String> {
        Set((spec["volumes"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue })
    }

    private static func validateVolumes(_ volumes: JSONValue?, at path: String) -> [FieldError] {
        var names: Set<String> = []
        var errors: [FieldError] = []
        for (index, volume) in (volumes?.arrayValue ?? []).enumerated() {
            let place = "\(path)[\(index)]"
            let name = volume["name"]?.stringValue ?? ""
            errors += FieldChecks.label(name, at: "\(place).name")
            if !name.isEmpty, !names.insert(name).inserted {
                errors.append(.duplicate("\(place).name", .string(name)))
            }
            let sources = (volume.objectValue ?? [:]).keys.filter { $0 != "name" }.sorted()
            if sources.isEmpty {
                errors.append(.required(place, "must specify a volume type"))
            }
            for extra in sources.dropFirst() {
                errors.append(.forbidden("\(place).\(extra)", "may not specify more than 1 volume type"))
            }
            errors += VolumeValidation.validate(volume, at: place)
        }
        return errors
    }

    private static func validateNumbers(_ spec: JSONValue, _ path: String) -> [FieldError] {
        var errors: [FieldError] = []
        if let deadline = spec["activeDeadlineSeconds"]?.integerValue,
            !(1...Int64(Int32.max)).contains(deadline)
        {
            errors.append(
                .invalid(
                    "\(path).activeDeadlineSeconds", .integer(deadline),
                    "must be between 1 and 2147483647, inclusive"))
        }
        for (key, amounts) in [("overhead", spec["overhead"])] {
            errors += FieldChecks.quantities(amounts, at: "\(path).\(key)")
        }
        return errors
    }

    private static func validateNames(_ spec: JSONValue, _ path: String) -> [FieldError] {
        var errors: [FieldError] = []
        for field in ["serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"] {
            guard let name = spec[field]?.stringValue, !name.isEmpty else { continue }
            errors += FieldChecks.subdomain(name, at: "\(path).\(field)")
        }
        for field in ["hostname", "subdomain"] {
            guard let name = spec[field]?.stringValue, !name.isEmpty else { continue }
            errors += FieldChecks.label(name, at: "\(path).\(field)")
        }
        return errors
    }

    private static func validatePlacement(_ spec: JSONValue, _ path: String) -> [FieldError] {
        var errors = MetadataValidation.labels(spec["nodeSelector"], at: "\(path).nodeSelector")
        for (index, toleration) in (spec["tolerations"]?.arrayValue ?? []).enumerated() {
            errors += validateToleration(toleration, at: "\(path).tolerations[\(index)]")
        }
        for (index, constraint) in (spec["topologySpreadConstraints"]?.arrayValue ?? []).enumerated() {
            let place = "\(path).topologySpreadConstraints[\(index)]"
            if let skew = constraint["maxSkew"]?.integerValue, skew <= 0 {
                errors.append(.invalid("\(place).maxSkew", .integer(skew), "must be greater than zero"))
            }
            let choices = ["DoNotSchedule", "ScheduleAnyway"]
            if let choice = constraint["whenUnsatisfiable"], !choices.contains(choice.stringValue ?? "") {
                errors.append(.notSupported("\(place).whenUnsatisfiable", choice, supported: choices))
            }
        }
        return errors
    }

    private static func validateToleration(_ toleration: JSONValue, at path: String) -> [FieldError] {
        let key = toleration["key"]?.stringValue ?? ""
        let operation = toleration["operator"]?.stringValue ?? "Equal"
        let effect = toleration["effect"]?.stringValue ?? ""
        var errors: [FieldError] = []
        if key.isEmpty {
            if operation != "Exists" {
                errors.append(
                    .invalid(
                        "\(path).operator", .string(operation),
                        "operator must be Exists when `key` is empty, which means"
                            + " \"match all values and all keys\""
                    ))
            }
        } else {
            errors += NameValidation.qualifiedNameProblems(key).map {
                .invalid("\(path).key", .string(key), $0)
            }
        }
        if toleration["tolerationSeconds"] != nil, effect != "NoExecute" {
            errors.append(
                .invalid(
                    "\(path).effect", .string(effect),
                    "effect must be 'NoExecute' when `tolerationSeconds` is set"))
        }
        if operation == "Exists", let value = toleration["value"]?.stringValue, !value.isEmpty {
            errors.append(
                .invalid("\(path).operator", toleration, "value must be empty when `operator` is 'Exists'"))
        }
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
        if !effect.isEmpty, !effects.contains(effect) {
            errors.append(.notSupported("\(path).effect", .string(effect), supported: effects))
        }
        return errors
    }
}
