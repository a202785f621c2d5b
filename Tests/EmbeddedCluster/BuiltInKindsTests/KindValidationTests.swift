import APIServer
import KubernetesAPI
import StructuralSchema
import Testing

@testable import BuiltInKinds

@Suite struct KindValidationTests {
    @Test func `every kind is defined once`() {
        let names = BuiltInResources.definitions.map(\.type.qualifiedName)
        #expect(Set(names).count == names.count)
    }

    /// Texts that `kubectl explain` shows.
    @Test(arguments: BuiltInResources.definitions.map { "\($0.type.qualifiedName)" })
    func `every field is described`(name: String) throws {
        let definition = try #require(
            BuiltInResources.definitions.first { $0.type.qualifiedName == name })
        #expect(undescribed(definition.schema, at: name).isEmpty)
        #expect(definition.columns.allSatisfy { !$0.description.isEmpty })
    }

    private func undescribed(_ schema: Schema, at path: String) -> [String] {
        var missing = schema.description?.isEmpty ?? true ? [path] : []
        for (name, child) in schema.properties { missing += undescribed(child, at: "\(path).\(name)") }
        if let items = schema.items { missing += undescribed(items.value, at: "\(path)[]") }
        if case .schema(let value) = schema.additionalProperties {
            missing += undescribed(value.value, at: "\(path){}")
        }
        return missing
    }

    static let template =
        #""template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"x"}]}}"#

    @Test(arguments: [
        ("jobs", "batch", #"{"metadata":{"name":"j"},"spec":{\#(template)}}"#, []),
        (
            "jobs", "batch", #"{"metadata":{"name":"j"},"spec":{"backoffLimit":-1,\#(template)}}"#,
            ["spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0"]
        ),
        (
            "jobs", "batch",
            #"{"metadata":{"name":"j"},"spec":{"template":{"spec":{"containers":[{"name":"c","image":"x"}]}}}}"#,
            [#"spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never""#]
        ),
        (
            "jobs", "batch", #"{"metadata":{"name":"j"},"spec":{}}"#,
            [
                "spec.template.spec.containers: Required value",
                #"spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never""#,
            ]
        ),
        (
            "configmaps", "", #"{"data":{"a/b":"x"}}"#,
            [
                #"data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, "#
                    + #"'-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for "#
                    + #"validation is '[-._a-zA-Z0-9]+')"#
            ]
        ),
        (
            "secrets", "", #"{"type":"kubernetes.io/tls","data":{"tls.crt":"YQ=="}}"#,
            ["data[tls.key]: Required value"]
        ),
        (
            "persistentvolumeclaims", "", #"{"spec":{"resources":{}}}"#,
            [
                "spec.accessModes: Required value: at least 1 access mode is required",
                "spec.resources[storage]: Required value",
            ]
        ),
        (
            "persistentvolumeclaims", "",
            #"{"spec":{"accessModes":["Many"],"resources":{"requests":{"storage":"-1Gi"}}}}"#,
            [
                #"spec.accessModes: Unsupported value: "Many": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod""#,
                #"spec.resources.requests[storage]: Invalid value: "-1Gi": must be greater than or equal to 0"#,
            ]
        ),
        (
            "leases", "coordination.k8s.io",
            #"{"spec":{"renewTime":"2026-11-20T10:00:00Z","leaseDurationSeconds":0}}"#,
            [
                "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
                #"spec.renewTime: Invalid value: "2026-11-20T10:00:00Z": parsing time "2026-11-20T10:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000""#,
            ]
        ),
        (
            "events", "", #"{"metadata":{"namespace":"a"},"involvedObject":{"namespace":"b"}}"#,
            [#"involvedObject.namespace: Invalid value: "b": does not match event.namespace"#]
        ),
        (
            "services", "", #"{"metadata":{"name":"s"},"spec":{"clusterIP":"10.0.0.1"}}"#,
            ["spec.ports: Required value"]
        ),
        ("services", "", #"{"metadata":{"name":"s"},"spec":{"clusterIP":"None","selector":{"a":"b"}}}"#, []),
        (
            "clusterroles", "rbac.authorization.k8s.io", #"{"rules":[{"verbs":[],"resources":["pods"]}]}"#,
            [
                "rules[0].verbs: Required value: verbs must contain at least one value",
                "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
            ]
        ),
        (
            "priorityclasses", "scheduling.k8s.io", #"{"metadata":{"name":"p"},"value":2000000000}"#,
            ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"]
        ),
        (
            "limitranges", "",
            #"{"spec":{"limits":[{"type":"Container","min":{"cpu":"2"},"max":{"cpu":"1"}}]}}"#,
            [#"spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1"#]
        ),
        (
            "deployments", "apps",
            #"{"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"c"}},"spec":{"containers":[{"name":"c","image":"x"}]}}}}"#,
            [
                #"spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`"#
            ]
        ),
    ])
    func `a wrong object is refused in upstream's words`(
        plural: String, group: String, object: String, errors: [String]
    ) throws {
        #expect(try DrivenKind(plural, group: group).creationErrors(object) == errors)
    }

    @Test(arguments: [
        (
            "jobs", "batch", #"{"metadata":{"name":"j"},"spec":{\#(template)}}"#, ["spec", "selector"],
            "spec.selector: Invalid value"
        ),
        (
            "jobs", "batch", #"{"metadata":{"name":"j"},"spec":{\#(template)}}"#, ["spec", "completions"],
            "spec.completions: Invalid value"
        ),
        (
            "jobs", "batch", #"{"metadata":{"name":"j"},"spec":{\#(template)}}"#,
            ["spec", "template", "metadata", "labels", "x"], "spec.template: Invalid value"
        ),
        (
            "configmaps", "", #"{"immutable":true,"data":{"a":"b"}}"#, ["data", "a"],
            "data: Forbidden: field is immutable when `immutable` is set"
        ),
        ("secrets", "", #"{"data":{}}"#, ["type"], "type: Invalid value: 7: field is immutable"),
        (
            "persistentvolumeclaims", "",
            #"{"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"a","resources":{"requests":{"storage":"1Gi"}}}}"#,
            ["spec", "storageClassName"], "spec: Forbidden: spec is immutable after creation"
        ),
        (
            "rolebindings", "rbac.authorization.k8s.io", #"{"roleRef":{"kind":"Role","name":"r"}}"#,
            ["roleRef", "name"], "roleRef: Invalid value"
        ),
        (
            "storageclasses", "storage.k8s.io", #"{"provisioner":"a"}"#, ["provisioner"],
            "provisioner: Forbidden: updates to provisioner are forbidden."
        ),
    ])
    func `immutable fields may not change`(
        plural: String, group: String, object: String, path: [String], error: String
    )
        throws
    {
        let kind = try DrivenKind(plural, group: group)
        let old = try kind.created(object)
        var new = old
        new[path: path] = 7
        let errors = kind.definition.strategy.validateUpdate(new, old: old, DrivenKind.context).map(
            \.description)
        #expect(errors.contains { $0.hasPrefix(error) }, "\(errors)")
        #expect(kind.definition.strategy.validateUpdate(old, old: old, DrivenKind.context).isEmpty)
    }

    @Test func `a suspended job may still be placed elsewhere`() throws {
        let kind = try DrivenKind("jobs", group: "batch")
        let old = try kind.created(#"{"metadata":{"name":"j"},"spec":{"suspend":true,\#(Self.template)}}"#)
        var new = old
        new[path: ["spec", "template", "spec", "nodeSelector"]] = ["a": "b"]
        #expect(kind.definition.strategy.validateUpdate(new, old: old, DrivenKind.context).isEmpty)
    }

    @Test(arguments: [
        ("1000m", "1"), ("1500m", "1500m"), ("0.5", "500m"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"),
        ("1000", "1k"),
        ("1024", "1024"), ("0.5Gi", "512Mi"), ("0", "0"), ("1e3", "1e3"), ("100M", "100M"),
        ("1000Mi", "1000Mi"),
        ("3", "3"), ("-1Gi", "-1Gi"),
    ])
    func `quantities are stored in one form`(written: String, kept: String) {
        #expect(QuantityNormalization.canonical(written) == kept)
    }

    @Test func `webhook configurations get the recorded defaults`() throws {
        let kind = try DrivenKind("mutatingwebhookconfigurations", group: "admissionregistration.k8s.io")
        let text = #"""
            {"metadata":{"name":"m"},"webhooks":[{"name":"mutate.example.dev","clientConfig":{"url":"https://127.0.0.1:1/m"},
            "rules":[{"apiGroups":["example.dev"],"apiVersions":["v1"],"operations":["CREATE"],"resources":["widgets"]}],
            "sideEffects":"None","admissionReviewVersions":["v1"],"timeoutSeconds":2,"failurePolicy":"Fail"}]}
            """#
        #expect(
            try kind.created(text)["webhooks"]
                == JSONValue(
                    parsing: #"""
                        [{"name":"mutate.example.dev","clientConfig":{"url":"https://127.0.0.1:1/m"},"rules":[{"operations":
                        ["CREATE"],"apiGroups":["example.dev"],"apiVersions":["v1"],"resources":["widgets"],"scope":"*"}],
                        "failurePolicy":"Fail","matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{},
                        "sideEffects":"None","timeoutSeconds":2,"admissionReviewVersions":["v1"],
                        "reinvocationPolicy":"Never"}]
                        """#))
        #expect(try kind.creationErrors(text).isEmpty)
        #expect(
            try kind.creationErrors(text.replacing("https:", with: "http:")) == [
                #"webhooks[0].clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]"#
            ])
    }

    @Test func `tables have the columns and cells of upstream's`() throws {
        let job = try DrivenKind("jobs", group: "batch").cells([
            "spec": ["completions": 1],
            "status": [
                "succeeded": 1, "startTime": "2026-11-21T00:00:00Z", "completionTime": "2026-11-21T00:01:30Z",
                "conditions": [["type": "Complete", "status": "True"]],
            ],
        ])
        #expect(job["Status"] == "Complete")
        #expect(job["Completions"] == "1/1")
        #expect(job["Duration"] == "90s")
        let node = try DrivenKind("nodes").cells([
            "metadata": ["labels": ["node-role.kubernetes.io/gpu": ""]], "spec": ["unschedulable": true],
            "status": ["conditions": [["type": "Ready", "status": "True"]]],
        ])
        #expect(node["Status"] == "Ready,SchedulingDisabled")
        #expect(node["Roles"] == "gpu")
        let claim = try DrivenKind("persistentvolumeclaims").cells([
            "spec": ["volumeName": "v"],
            "status": ["phase": "Bound", "capacity": ["storage": "1Gi"], "accessModes": ["ReadWriteOnce"]],
        ])
        #expect(claim["Status"] == "Bound")
        #expect(claim["Capacity"] == "1Gi")
        #expect(claim["Access Modes"] == "RWO")
        let quota = try DrivenKind("resourcequotas").cells([
            "status": ["hard": ["pods": "20", "limits.cpu": "4"], "used": ["pods": "3"]]
        ])
        #expect(quota["Request"] == "pods: 3/20")
        #expect(quota["Limit"] == "limits.cpu: 0/4")
    }
}
