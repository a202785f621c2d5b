import Foundation

/// Stands before the S3 server; a test can make it go down or deny access.
struct StorageProxy {
    enum Mode {
        case open, closed, denied
        /// Forwards requests that are signed by one access key, and denies others.
        case key(String)

        fileprivate var text: String {
            switch self {
            case .open: "open"
            case .closed: "closed"
            case .denied: "denied"
            case .key(let name): "key \(name)"
            }
        }
    }

    let endpoint: String
    private let control: URL
    private let program: BackgroundProgram

    init(_ servers: Servers, _ mode: Mode) async throws {
        let port = try freePort()
        endpoint = "http://127.0.0.1:\(port)"
        control = servers.folder.file("proxy-\(port)")
        try Data(mode.text.utf8).write(to: control)
        let script = servers.installation.repository
            .appendingPathComponent("Tests/EndToEndTests/Fixtures/storage_proxy.py").path
        program = try BackgroundProgram(
            Program(path: "/usr/bin/python3"), [script, "\(port)", "\(servers.store.port)", control.path],
            log: servers.logs.appendingPathComponent("proxy-\(port).log"))
        _ = try await eventually("the proxy") { answers(port) ? true : nil }
    }

    func set(_ mode: Mode) throws { try Data(mode.text.utf8).write(to: control, options: .atomic) }

    func stop() async { await program.stop() }
}
