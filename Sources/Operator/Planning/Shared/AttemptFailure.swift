import AnnealAPI
import KubernetesAPI

/// Cause for which an attempt failed, and its kind, which decides what follows.
struct AttemptFailure: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// The infrastructure ended the attempt, which does not count.
        case interrupted
        /// The failure counts against the attempts of its stage.
        case counted
        /// Another attempt can't help.
        case terminal
    }

    /// Causes that somebody outside the run can put right while it waits: stores and registries that refuse the
    /// run what they once let it have.
    static let outsideReasons: Set<String> = [
        "AccessDenied", "InvalidCredentials", "BucketNotFound", "ObjectNotFound", "ClockSkew",
        "ChecksumMismatch", "NewerAttempt", "SecretNotAllowed",
        "StorageRefused", "RegistryUnauthorized", "RegistryNotFound",
    ]

    var kind: Kind
    /// Cause, one word in CamelCase.
    var reason: String
    var message: String

    init(_ kind: Kind, reason: String, message: String) {
        self.kind = kind
        self.reason = Wording.reason(reason)
        self.message = Wording.bounded(message)
    }
}

/// Text from outside, made fit for status and events.
enum Wording {
    /// Bytes of a text at most: well below what a status message and an event's note may hold.
    static let limit = 900

    /// The text on one line of `limit` bytes at most; its end is kept, as the last lines of a log say the
    /// most.
    static func bounded(_ text: String) -> String { bounded(text, to: limit) }

    static func bounded(_ text: String, to limit: Int) -> String {
        guard !isFit(text, limit) else { return text }
        var line = ""
        var wasSpace = true
        for scalar in text.unicodeScalars {
            let isSpace = scalar.value <= 0x20 || scalar.value == 0x7F
            if isSpace, wasSpace { continue }
            line.unicodeScalars.append(isSpace ? " " : scalar)
            wasSpace = isSpace
        }
        if line.last == " " { line.removeLast() }
        guard line.utf8.count > limit else { return line }
        var size = 0
        let tail = line.reversed().prefix { character in
            size += character.utf8.count
            return size <= limit - 3
        }
        return "…" + String(tail.reversed())
    }

    /// Whether the text may stay as it is, which most texts may.
    private static func isFit(_ text: String, _ limit: Int) -> Bool {
        guard text.utf8.count <= limit else { return false }
        var wasSpace = true
        for byte in text.utf8 {
            guard byte >= 0x20, byte != 0x7F, !(byte == 0x20 && wasSpace) else { return false }
            wasSpace = byte == 0x20
        }
        return text.isEmpty || !wasSpace
    }

    /// A condition's reason must be a CamelCase word; anything else says only that there was one.
    static func reason(_ text: String) -> String {
        let isWord =
            (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            }
        return isWord && text.first?.isLetter == true ? text : "Failed"
    }
}
