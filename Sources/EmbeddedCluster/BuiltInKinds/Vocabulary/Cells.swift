import APIServer
import KubernetesAPI

/// Cells that many tables have.
enum Cells {
    /// The text at `path`, or `<none>`.
    static func text(_ path: [String], default fallback: String = "<none>") -> PrinterColumn.Source {
        .computed { object, _ in
            let text = object[path: path]?.stringValue ?? ""
            return .string(text.isEmpty ? fallback : text)
        }
    }

    /// The number at `path`, or 0.
    static func number(_ path: [String], default fallback: Int64 = 0) -> PrinterColumn.Source {
        .computed { object, _ in .integer(object[path: path]?.integerValue ?? fallback) }
    }

    /// The number of elements or members at `path`.
    static func count(_ path: [String]) -> PrinterColumn.Source {
        .computed { object, _ in
            let value = object[path: path]
            return .integer(Int64(value?.arrayValue?.count ?? value?.objectValue?.count ?? 0))
        }
    }

    /// The time since the instant at `path`.
    static func since(_ path: [String], default fallback: String = "<unknown>") -> PrinterColumn.Source {
        .computed { object, context in
            guard let instant = object[path: path]?.stringValue.flatMap({ Timestamp($0) }) else {
                return .string(fallback)
            }
            return .string(context.duration(since: instant))
        }
    }

    /// Whether the object has the condition `type`, and it is true.
    static func isTrue(_ object: JSONValue, _ type: String) -> Bool {
        (object[path: ["status", "conditions"]]?.arrayValue ?? []).contains {
            $0["type"]?.stringValue == type && $0["status"] == "True"
        }
    }

    /// `a=1,b=2`, or `<none>`.
    static func labels(_ labels: JSONValue?) -> String {
        let pairs = (labels?.objectValue ?? [:]).map { "\($0.key)=\($0.value.stringValue ?? "")" }.sorted()
        return pairs.isEmpty ? "<none>" : pairs.joined(separator: ",")
    }

    /// Names, images and selector: the columns that workloads show in the wide form.
    static func containers(at path: [String]) -> [PrinterColumn] {
        func column(_ name: String, _ description: String, _ field: String) -> PrinterColumn {
            PrinterColumn(
                name, description: description, priority: 1,
                source: .computed { object, _ in
                    let names = (object[path: path]?.arrayValue ?? []).map { $0[field]?.stringValue ?? "" }
                    return .string(names.joined(separator: ","))
                })
        }
        return [
            column("Containers", "Names of each container in the template.", "name"),
            column("Images", "Images referenced by each container in the template.", "image"),
        ]
    }

    static let selector = PrinterColumn(
        "Selector", description: "Label selector of the object.", priority: 1,
        source: .computed { object, _ in .string(labels(object[path: ["spec", "selector", "matchLabels"]])) })
}
