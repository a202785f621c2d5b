import KubernetesAPI
import StructuralSchema

/// The schema of the recorded exchanges `crd/*` and `cr/*`.
enum Widget {
    static let schemaText = #"""
        {"type":"object","required":["spec"],"properties":{
          "apiVersion":{"type":"string"},"kind":{"type":"string"},"metadata":{"type":"object"},
          "spec":{"type":"object","required":["mode"],"properties":{
            "mode":{"type":"string","enum":["fast","slow"]},
            "size":{"type":"integer","minimum":1,"maximum":10,"default":3},
            "ratio":{"type":"number","exclusiveMinimum":true,"minimum":0},
            "name":{"type":"string","maxLength":5,"pattern":"^[a-z]+$"},
            "frozen":{"type":"string","x-kubernetes-validations":[
              {"rule":"self == oldSelf","message":"frozen is immutable"}]},
            "when":{"type":"string","format":"date-time"},
            "cpu":{"x-kubernetes-int-or-string":true},
            "items":{"type":"array","maxItems":3,"x-kubernetes-list-type":"map",
              "x-kubernetes-list-map-keys":["key"],
              "items":{"type":"object","required":["key"],
                "properties":{"key":{"type":"string"},"v":{"type":"integer","default":7}}}},
            "params":{"type":"object","maxProperties":4,"additionalProperties":{"type":"string"}}},
            "x-kubernetes-validations":[{"rule":"self.mode != 'slow' || self.size < 5",
              "message":"slow widgets are small","fieldPath":".size"}]},
          "status":{"type":"object","properties":{"phase":{"type":"string"}}}}}
        """#

    static func schema() throws -> Schema {
        try Schema(parsing: try JSONValue(parsing: schemaText), path: "openAPIV3Schema")
    }

    /// Errors that a real server reports for a creation with this `spec`.
    static func errors(_ spec: String, old: String? = nil) throws -> [FieldError] {
        func object(_ text: String) throws -> JSONValue {
            var value: JSONValue = ["spec": try JSONValue(parsing: text)]
            try schema().applyDefaults(to: &value)
            try schema().prune(&value)
            return value
        }
        return try schema().validate(try object(spec), old: try old.map(object))
    }
}
