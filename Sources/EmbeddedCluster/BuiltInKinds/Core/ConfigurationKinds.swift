import APIServer
import KubernetesAPI
import StructuralSchema

/// `ConfigMap`, `Secret` and `ServiceAccount`.
enum ConfigurationKinds {
    static let configMap = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "ConfigMap", plural: "configmaps"), shortNames: ["cm"],
        schema: .resource(
            "Configuration that pods read.",
            [
                "data": .stringMap("Texts by key; a key is a file name."),
                "binaryData": .map("Bytes by key.", of: .string("Bytes, in base64.", format: .byte)),
                "immutable": .boolean("Whether the content may never change again."),
            ]),
        columns: [
            PrinterColumn(
                "Data", description: "Number of keys.",
                source: .computed { object, _ in
                    let count = { (field: String) in object[field]?.objectValue?.count ?? 0 }
                    return .string(String(count("data") + count("binaryData")))
                }),
            .age,
        ], strategy: ConfigMapStrategy())

    static let secret = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "Secret", plural: "secrets"),
        schema: .resource(
            "Configuration that only those who need it may see.",
            [
                "data": .map("Bytes by key.", of: .string("Bytes, in base64.", format: .byte)),
                "stringData": .stringMap("Texts by key; written into data, and never shown."),
                "type": .string("What the secret holds.").default("Opaque"),
                "immutable": .boolean("Whether the content may never change again."),
            ]),
        columns: [
            PrinterColumn("Type", description: "Type of the secret.", source: .path(".type")),
            PrinterColumn(
                "Data", type: "string", description: "Number of keys.",
                source: .computed { object, _ in .string(String(object["data"]?.objectValue?.count ?? 0)) }),
            .age,
        ], selectableFields: [SelectableField("type")], strategy: SecretStrategy())

    static let serviceAccount = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "ServiceAccount", plural: "serviceaccounts"),
        shortNames: ["sa"],
        schema: .resource(
            "An identity for processes in pods.",
            [
                "secrets": .listMap("Secrets that pods may use.", keys: ["name"], of: .objectReference),
                "imagePullSecrets": .listAtomic(
                    "Secrets to pull images with.", of: .localObjectReference),
                "automountServiceAccountToken": .boolean("Whether pods get a token."),
            ]),
        columns: [
            PrinterColumn(
                "Secrets", description: "Number of secrets.",
                source: .computed { object, _ in
                    .string(String(object["secrets"]?.arrayValue?.count ?? 0))
                }),
            .age,
        ], subresources: [.token])
}

/// Keys, size and immutability of maps.
enum KeyedData {
    /// Bytes of all keys together.
    static let limit = 1 << 20

    static func validateKeys(_ data: JSONValue?, at path: String) -> [FieldError] {
        (data?.objectValue ?? [:]).keys.sorted().flatMap { key -> [FieldError] in
            let place = "\(path)[\(key)]"
            if key.utf8.count > 253 {
                return [.invalid(place, .string(key), "must be no more than 253 bytes")]
            }
            if key == "." || key == ".." { return [.invalid(place, .string(key), "must not be '\(key)'")] }
            let isFine =
                !key.isEmpty
                && key.utf8.allSatisfy { byte in
                    (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte)
                        || (0x30...0x39).contains(byte)
                        || byte == 0x2D || byte == 0x5F || byte == 0x2E
                }
            guard !isFine else { return [] }
            return [
                .invalid(
                    place, .string(key),
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g."
                        + " 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is"
                        + " '[-._a-zA-Z0-9]+')"
                )
            ]
        }
    }

    static func validateSize(_ data: [JSONValue?]) -> [FieldError] {
        let size = data.reduce(0) { total, members in
            total + (members?.objectValue ?? [:]).values.reduce(0) { $0 + ($1.stringValue?.utf8.count ?? 0) }
        }
        return size > limit ? [.tooLong("", limit: limit)] : []
    }

    static func validateImmutable(_ object: JSONValue, old: JSONValue, _ fields: [String]) -> [FieldError] {
        guard old["immutable"] == true else { return [] }
        var errors: [FieldError] = []
        if object["immutable"] != true {
            errors.append(.forbidden("immutable", "field is immutable when `immutable` is set"))
        }
        for field in fields where object[field] != old[field] {
            errors.append(.forbidden(field, "field is immutable when `immutable` is set"))
        }
        return errors
    }
}

struct ConfigMapStrategy: ResourceStrategy {
    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        var errors = KeyedData.validateKeys(object["data"], at: "data")
        errors += KeyedData.validateKeys(object["binaryData"], at: "binaryData")
        let texts = object["data"]?.objectValue ?? [:]
        for key in (object["binaryData"]?.objectValue ?? [:]).keys.sorted() where texts[key] != nil {
            errors.append(.invalid("data[\(key)]", .string(key), "duplicate of key present in binaryData"))
        }
        return errors + KeyedData.validateSize([object["data"], object["binaryData"]])
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        validateCreate(object, context)
            + KeyedData.validateImmutable(object, old: old, ["data", "binaryData"])
    }
}

struct SecretStrategy: ResourceStrategy {
    func applyDefaults(_ object: inout JSONValue) {
        guard let texts = object["stringData"]?.objectValue else { return }
        var data = object["data"]?.objectValue ?? [:]
        for (key, value) in texts {
            data[key] = value.stringValue.map { .string(Base64Encoding.encode(Array($0.utf8))) }
        }
        object["data"] = .object(data)
        object["stringData"] = nil
    }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        var errors = KeyedData.validateKeys(object["data"], at: "data")
        errors += KeyedData.validateSize([object["data"]])
        let required: [String: [String]] = [
            "kubernetes.io/tls": ["tls.crt", "tls.key"], "kubernetes.io/ssh-auth": ["ssh-privatekey"],
            "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
        ]
        for key in required[object["type"]?.stringValue ?? ""] ?? [] where object["data"]?[key] == nil {
            errors.append(.required("data[\(key)]"))
        }
        return errors
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        validateCreate(object, context) + FieldChecks.immutable(object, old: old, [["type"]])
            + KeyedData.validateImmutable(object, old: old, ["data"])
    }
}

enum Base64Encoding {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let group = bytes[index..<min(index + 3, bytes.count)]
            var bits: UInt32 = 0
            for byte in group { bits = bits << 8 | UInt32(byte) }
            bits <<= UInt32(8 * (3 - group.count))
            for position in 0..<4 {
                let digit = Int(bits >> UInt32(18 - 6 * position) & 0x3F)
                text.append(position <= group.count ? digits[digit] : UInt8(ascii: "="))
            }
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }
}
