import KubernetesAPI
import StructuralSchema
import Testing

@testable import ObjectPatching

@Suite("What an object is before its creation")
struct UnsetObjectTests {
    @Test("job/create: sections, what is required, and pod templates aren't owned")
    func job() {
        let podSpec = schema(.object) {
            $0.properties = [
                "containers": listOf(Schemas.container, type: .map, keys: ["name"]),
                "restartPolicy": Schemas.string, "securityContext": object(["runAsUser": Schemas.integer]),
            ]
            $0.required = ["containers"]
        }
        let job = object([
            "metadata": Schema.objectMeta,
            "spec": schema(.object) {
                $0.properties = [
                    "suspend": schema(.boolean), "selector": object(["matchLabels": mapOf(Schemas.string)]),
                    "template": object(["metadata": Schema.objectMeta, "spec": podSpec]),
                ]
                $0.required = ["template"]
            },
            "status": object(["active": Schemas.integer]),
        ])
        let unset = job.unsetObject
        #expect(
            unset
                == json(
                    #"{"spec":{"template":{"metadata":{},"spec":{"containers":null}}},"status":{}}"#))
        let manager = FieldManager(schema: job, apiVersion: "batch/v1", emptyObject: unset)
        let created = manager.update(
            live: nil,
            new: json(
                #"""
                {"spec":{"suspend":false,"selector":{"matchLabels":{"a":"b"}},"template":{"spec":
                {"containers":[{"name":"c"}],"securityContext":{}}}},"status":{}}
                """#), manager: "recorder", now: instant)
        #expect(
            created.fields(of: "recorder", "Update")
                == json(
                    #"""
                    {"f:spec":{"f:suspend":{},"f:selector":{".":{},"f:matchLabels":{".":{},"f:a":{}}},
                    "f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:name":{}}},
                    "f:securityContext":{}}}}}
                    """#))
    }
}
