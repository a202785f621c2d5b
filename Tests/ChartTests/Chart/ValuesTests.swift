import KubernetesAPI
import TestSupport
import Testing

/// Values of the chart: which are accepted, and that each is described and documented.
@Suite struct ValuesTests {
    struct Refusal: Sendable, CustomTestStringConvertible {
        var values: String
        /// Part of the value that the message names.
        var names: String
        var testDescription: String { values }

        static let all = [
            Refusal(values: "replicas: 3", names: "replicas"),
            Refusal(values: "crds: {instal: true}", names: "instal"),
            Refusal(values: "replicaCount: many", names: "replicaCount"),
            Refusal(values: "replicaCount: -1", names: "replicaCount"),
            Refusal(values: "image: {repository: ''}", names: "repository"),
            Refusal(values: "image: {repository: 'anneal/operator:0.1.0'}", names: "repository"),
            Refusal(values: "image: {digest: latest}", names: "digest"),
            Refusal(values: "log: {level: loud}", names: "level"),
            Refusal(values: "tenantNamespaces: [Team]", names: "tenantNamespaces"),
            Refusal(values: "tenantNamespaces: [a, a]", names: "tenantNamespaces"),
            Refusal(values: "webhook: {port: 443}", names: "port"),
            Refusal(values: "webhook: {timeoutSeconds: 60}", names: "timeoutSeconds"),
            Refusal(values: "webhook: {certManager: {issuerRef: {kind: ClusterIssuer}}}", names: "issuerRef"),
            Refusal(values: "webhook: {certManager: {duration: 90d}}", names: "duration"),
            Refusal(values: "podDisruptionBudget: {maxUnavailable: half}", names: "maxUnavailable"),
            Refusal(values: "networkPolicy: {apiServerCIDRs: [10.0.0.1]}", names: "apiServerCIDRs"),
            Refusal(values: "extraArgs: [rm -rf]", names: "extraArgs"),
            Refusal(values: "priorityClasses: {production: 3000000000}", names: "production"),
            Refusal(values: "leaderElection: {enabled: false}", names: "leaderElection"),
            Refusal(values: "serviceAccount: {create: false}", names: "serviceAccount.name"),
        ]
    }

    @Test(.enabled(if: !ChartRenderer.all.isEmpty, "\(ChartRenderer.missing)"), arguments: Refusal.all)
    func `wrong values are refused by name`(_ refusal: Refusal) throws {
        for renderer in ChartRenderer.all {
            let failure = #expect(throws: CommandLineTool.Failure.self) {
                try renderer(values: refusal.values)
            }
            #expect(
                failure?.message.contains(refusal.names) == true, "\(renderer): \(failure?.message ?? "")")
        }
    }

    /// Values and schema have the same members, each with a description; and the chart's README tells of each.
    @Test func `every value has a schema, a description and a line in the README`() throws {
        let chart = RepositoryManifest.repository.appendingPathComponent("charts/anneal")
        let values = try #require(
            try RepositoryManifest(chart.appendingPathComponent("values.yaml")).documents().first)
        let schema = try JSONValue(
            parsing: Array(
                try String(contentsOf: chart.appendingPathComponent("values.schema.json"), encoding: .utf8)
                    .utf8))
        let readme = try String(contentsOf: chart.appendingPathComponent("README.md"), encoding: .utf8)
        var undocumented: [String] = []
        try compare(values, schema, at: "", readme: readme, undocumented: &undocumented)
        #expect(undocumented == [])
    }

    private func compare(
        _ values: JSONValue, _ schema: JSONValue, at path: String, readme: String,
        undocumented: inout [String]
    ) throws {
        #expect(schema["description"]?.stringValue?.isEmpty == false, "\(path) has no description")
        guard let properties = schema["properties"]?.objectValue else {
            if !readme.contains("`\(path)`") { undocumented.append(path) }
            return
        }
        #expect(schema["additionalProperties"] == false, "\(path) takes any member")
        let known = values.objectValue ?? [:]
        #expect(known.keys.allSatisfy { properties[$0] != nil }, "\(path) has values without a schema")
        for (name, property) in properties where path.isEmpty ? name != "global" : true {
            let full = path.isEmpty ? name : "\(path).\(name)"
            guard let value = known[name] else {
                // The members of an empty object are described in the schema alone.
                #expect(known.isEmpty, "\(full) has no default in values.yaml")
                continue
            }
            try compare(value, property, at: full, readme: readme, undocumented: &undocumented)
        }
        if known.isEmpty, !readme.contains("`\(path)`") { undocumented.append(path) }
    }
}
