import KubernetesAPI
import Testing

@testable import Operator

struct ValidSpecsTests {
    @Test func `a spec is judged until it is found valid`() {
        let specs = ValidSpecs<String>()
        let error = FieldError.invalid("spec.image", "is empty")
        var judged = 0
        func errors(of spec: String, _ verdict: [FieldError]) -> [FieldError] {
            specs.errors(of: spec) {
                judged += 1
                return verdict
            }
        }
        #expect(errors(of: "wrong", [error]) == [error])
        #expect(errors(of: "wrong", [error]) == [error])
        #expect(judged == 2)
        #expect(errors(of: "right", []) == [])
        #expect(errors(of: "right", [error]) == [])
        #expect(judged == 3)
        #expect(errors(of: "another", [error]) == [error])
    }

    @Test func `old specs are forgotten`() {
        let specs = ValidSpecs<Int>()
        for spec in 0..<100 { _ = specs.errors(of: spec) { [] } }
        let error = FieldError.invalid("spec", "is judged again")
        #expect(specs.errors(of: 0) { [error] } == [error])
    }
}
