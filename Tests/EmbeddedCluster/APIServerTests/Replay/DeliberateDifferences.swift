/// Intended differences between the embedded cluster and the recorded server.
enum DeliberateDifferences {
    struct Entry {
        var reason: String
        var paths: Set<String>

        init(_ reason: String, _ paths: Set<String>) {
            self.reason = reason
            self.paths = paths
        }
    }

    /// Exchanges that show the work of controllers, by controller. They are not replayed here: the
    /// controllers have tests of their own.
    static let elsewhere: [String: String] = [
        "job/active": "the job controller", "job/pods": "the job controller",
        "job/after-failed": "the job controller", "job/after-succeeded": "the job controller",
        "job/suspended-status": "the job controller",
    ]

    private static func causes(_ range: Range<Int>) -> Set<String> {
        Set(
            range.flatMap { index in ["field", "message", "reason"].map { "details.causes[\(index)].\($0)" } }
        )
    }

    private static let certificateUser =
        "the recorder came with a client certificate, of which the review tells the digest"

    static let all: [String: Entry] = [
        "cr/several-errors": Entry(
            "errors come in the order of the fields' names; the recorded order is that of a Go map",
            causes(0..<3).union(["message"])),
        "create/not-json": Entry("the words of another parser", ["message"]),
        "list/bad-continue": Entry("the words of another parser", ["message"]),
        "job/template-immutable": Entry(
            "the recorded message prints Go's internal struct; ours shows the JSON",
            ["message", "details.causes[0].message"]),
        "lease/bad-time": Entry(
            "ours names the object and the field where the recorded one blames the patch as a whole",
            [
                "message", "+details.group", "+details.kind", "+details.name", "details.causes[0].field",
                "details.causes[0].message",
            ]),
        "update/while-deleting": Entry(
            "the recorded server checks metadata twice and says everything twice", ["details.causes#"]),
        "update/immutable-field": Entry(
            "the recorded message ends in a diff of Go's internal structs",
            ["message", "details.causes[0].message"]),
        "webhook/mutate": Entry(certificateUser, ["-request.userInfo.extra"]),
        "webhook/validate": Entry(certificateUser, ["-request.userInfo.extra"]),
        "read/pod-table": Entry(
            "the columns' descriptions are shorter",
            Set([4, 6, 7, 8].map { "columnDefinitions[\($0)].description" })),
    ]
}
