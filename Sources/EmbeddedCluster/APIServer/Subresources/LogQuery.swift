import KubernetesAPI

/// `v1.PodLogOptions` from the query, as the agent of a node gets them.
struct LogQuery: Sendable {
    /// The query of the request to the agent.
    let text: String

    /// Reads the options, and tells all that is wrong with them at once.
    init(_ context: RequestContext) throws(APIError) {
        let query = context.request.query
        var (items, errors): ([String], [FieldError]) = ([], [])
        for (name, least) in [("tailLines", 0), ("limitBytes", 1), ("sinceSeconds", 1)] as [(String, Int64)] {
            guard let number = try query.integer(name) else { continue }
            items.append("\(name)=\(number)")
            // Of two bounds in time, neither is looked at.
            guard number < least, name != "sinceSeconds" || query["sinceTime"] == nil else { continue }
            errors.append(
                .invalid(
                    name, .integer(number),
                    least == 0 ? "must be greater than or equal to 0" : "must be greater than 0"))
        }
        if let time = query["sinceTime"] {
            guard MicroTime(time) != nil else {
                throw .badRequest(
                    "parsing time \(time.quotedInGo) as \"2006-01-02T15:04:05Z07:00\": cannot parse it as RFC 3339"
                )
            }
            items.append("sinceTime=\(URLEscapes.encode(time))")
            if query.has("sinceSeconds") {
                errors.append(
                    .forbidden("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
            }
        }
        if query.has("stream") { errors.append(.forbidden("stream", "may not be specified")) }
        guard errors.isEmpty else {
            let type = ResourceType(version: "v1", kind: "PodLogOptions", plural: "")
            throw .invalid(type, name: context.key.name, errors)
        }
        for name in ["follow", "previous", "timestamps"] where query.flag(name) {
            items.append("\(name)=true")
        }
        text = items.joined(separator: "&")
    }
}
