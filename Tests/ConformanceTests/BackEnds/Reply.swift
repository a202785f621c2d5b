import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// Answer of a server, whatever its status.
struct Reply: Sendable {
    var code: Int
    var body: JSONValue

    /// The causes of a refusal: `field: message`, sorted.
    var causes: [String] {
        (body[path: ["details", "causes"]]?.arrayValue ?? []).map {
            "\($0["field"]?.stringValue ?? ""): \($0["reason"]?.stringValue ?? ""): "
                + ($0["message"]?.stringValue ?? "")
        }.sorted()
    }
}

extension KubernetesClient {
    func reply(to request: APIRequest) async throws -> Reply {
        do throws(KubernetesError) {
            let response = try await send(request)
            return Reply(code: response.status, body: try parsed(response.body))
        } catch {
            guard let status = error.status else { throw error }
            return Reply(code: status.code ?? 0, body: try encoded(status))
        }
    }

    private func parsed(_ data: Data) throws(KubernetesError) -> JSONValue {
        do { return try JSONValue(parsing: data) } catch { throw .decoding("\(error)") }
    }

    private func encoded(_ status: Status) throws(KubernetesError) -> JSONValue {
        do { return try JSONValue(encoding: status) } catch { throw .decoding("\(error)") }
    }
}
