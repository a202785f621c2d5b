import NodeAgent
import Testing

@Suite struct ImageMapTests {
    static let map = ImageMap([
        "anneal.dev/trainer": ContainerImage(entrypoint: ["/usr/bin/trainer"]),
        "anneal.dev/trainer:2": ContainerImage(entrypoint: ["/usr/bin/trainer2"]),
        "registry:5000/tools": ContainerImage(entrypoint: ["/bin/tool"]),
    ])

    @Test(arguments: [
        ("anneal.dev/trainer:2", "/usr/bin/trainer2"),
        ("anneal.dev/trainer:3", "/usr/bin/trainer"),
        ("anneal.dev/trainer@sha256:00", "/usr/bin/trainer"),
        ("registry:5000/tools/deep/one:latest", "/bin/tool"),
    ])
    func `an image is found by its exact reference, then its repository, then a prefix`(
        reference: String, entrypoint: String
    ) {
        #expect(Self.map.resolve(reference)?.entrypoint == [entrypoint])
    }

    @Test(arguments: [
        "anneal.dev/trainer2", "registry:5000/toolsmith", "anneal.dev", "",
    ])
    func `a longer name is not taken for a prefix`(reference: String) {
        #expect(Self.map.resolve(reference) == nil)
    }

    @Test
    func `command and args replace entrypoint and cmd as Kubernetes says`() {
        let image = ContainerImage(entrypoint: ["e"], cmd: ["c"])
        #expect(image.program(command: nil, args: nil) == ["e", "c"])
        #expect(image.program(command: nil, args: ["a"]) == ["e", "a"])
        #expect(image.program(command: ["x"], args: nil) == ["x"])
        #expect(image.program(command: ["x"], args: ["a"]) == ["x", "a"])
    }
}
