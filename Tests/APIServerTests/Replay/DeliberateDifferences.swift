/// Where the embedded cluster answers otherwise than the recorded server, on purpose.
enum DeliberateDifferences {
    struct Entry {
        var reason: String
        var paths: Set<String>

        init(_ reason: String, _ paths: Set<String>) {
            self.reason = reason
            self.paths = paths
        }
    }

    /// Exchanges that show what controllers do, which are other parts of the embedded cluster with tests of
    /// their own: they are not replayed here.
    static let elsewhere: [String: String] = [
        "job/active": "the job controller", "job/pods": "the job controller",
        "job/after-failed": "the job controller", "job/after-succeeded": "the job controller",
        "job/suspended-status": "the job controller",
    ]

    static let all: [String: Entry] = [:]
}
