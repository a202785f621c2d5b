import KubernetesAPI

/// Rules of one volume.
enum VolumeValidation {
    static func validate(_ volume: JSONValue, at path: String) -> [FieldError] {
        var errors: [FieldError] = []
        if let hostPath = volume["hostPath"] {
            let text = hostPath["path"]?.stringValue ?? ""
            if text.isEmpty {
                errors.append(.required("\(path).hostPath.path"))
            } else if text.split(separator: "/").contains("..") {
                errors.append(.invalid("\(path).hostPath.path", .string(text), "must not contain '..'"))
            }
        }
        if let claim = volume["persistentVolumeClaim"], (claim["claimName"]?.stringValue ?? "").isEmpty {
            errors.append(.required("\(path).persistentVolumeClaim.claimName"))
        }
        if let secret = volume["secret"] {
            if (secret["secretName"]?.stringValue ?? "").isEmpty {
                errors.append(.required("\(path).secret.secretName"))
            }
            errors += items(secret, at: "\(path).secret")
        }
        if let map = volume["configMap"] {
            if (map["name"]?.stringValue ?? "").isEmpty { errors.append(.required("\(path).configMap.name")) }
            errors += items(map, at: "\(path).configMap")
        }
        if let limit = volume["emptyDir"]?["sizeLimit"], let text = limit.stringValue,
            (Quantity(text)?.milliunits ?? 0) < 0
        {
            errors.append(
                .forbidden("\(path).emptyDir.sizeLimit", "SizeLimit field must be a valid resource quantity"))
        }
        for (index, source) in (volume["projected"]?["sources"]?.arrayValue ?? []).enumerated() {
            errors += projection(source, at: "\(path).projected.sources[\(index)]")
        }
        return errors
    }

    private static func projection(_ source: JSONValue, at path: String) -> [FieldError] {
        if (source.objectValue ?? [:]).count > 1 {
            return [.forbidden(path, "may not specify more than 1 volume type per source")]
        }
        var errors: [FieldError] = []
        for kind in ["secret", "configMap"] {
            guard let projected = source[kind] else { continue }
            if (projected["name"]?.stringValue ?? "").isEmpty {
                errors.append(.required("\(path).\(kind).name"))
            }
            errors += items(projected, at: "\(path).\(kind)")
        }
        if let token = source["serviceAccountToken"] {
            let seconds = token["expirationSeconds"]?.integerValue ?? 3600
            if seconds < 600 {
                errors.append(
                    .invalid(
                        "\(path).serviceAccountToken.expirationSeconds", .integer(seconds),
                        "may not specify a duration less than 10 minutes"))
            }
            if (token["path"]?.stringValue ?? "").isEmpty {
                errors.append(.required("\(path).serviceAccountToken.path"))
            }
        }
        return errors
    }

    private static func items(_ source: JSONValue, at path: String) -> [FieldError] {
        var errors: [FieldError] = []
        for field in ["defaultMode"] {
            if let mode = source[field]?.integerValue, !(0...0o777).contains(mode) {
                errors.append(.invalid("\(path).\(field)", .integer(mode), modeMessage))
            }
        }
        for (index, item) in (source["items"]?.arrayValue ?? []).enumerated() {
            let place = "\(path).items[\(index)]"
            if (item["key"]?.stringValue ?? "").isEmpty { errors.append(.required("\(place).key")) }
            let target = item["path"]?.stringValue ?? ""
            errors += target.isEmpty ? [.required("\(place).path")] : localPath(target, at: "\(place).path")
            if let mode = item["mode"]?.integerValue, !(0...0o777).contains(mode) {
                errors.append(.invalid("\(place).mode", .integer(mode), modeMessage))
            }
        }
        return errors
    }

    private static let modeMessage = "must be a number between 0 and 0777 (octal), both inclusive"

    /// A path that stays within its volume.
    static func localPath(_ text: String, at path: String) -> [FieldError] {
        var errors: [FieldError] = []
        if text.hasPrefix("/") { errors.append(.invalid(path, .string(text), "must be a relative path")) }
        if text.split(separator: "/").contains("..") {
            errors.append(.invalid(path, .string(text), "must not contain '..'"))
        }
        return errors
    }
}
