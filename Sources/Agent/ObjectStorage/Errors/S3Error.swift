import HTTPTransport

/// Failure of an operation in object storage, or on a local file of a transfer.
public struct S3Error: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        case invalidLocation
        case invalidEndpoint
        case accessDenied
        /// The store does not know the key, the signature is wrong, or a temporary credential has run out.
        case invalidCredentials
        /// The store refuses keys that it took before: they are being exchanged.
        case credentialsExchanged
        /// No credentials can be had yet: a Secret, a key of it or a token is missing.
        case credentialsUnavailable
        /// The Secret does not say that it may be sent to the store.
        case secretNotAllowed
        case noSuchBucket
        case noSuchKey
        /// The bucket is in another region than the configured one.
        case wrongRegion
        /// The clocks of the store and of this machine differ too much.
        case clockSkew
        /// The object is no longer the one that the transfer began with.
        case objectChanged
        /// The bytes that were read or sent do not have the expected SHA-256.
        case checksumMismatch
        /// The store is down, overloaded or unreachable.
        case unavailable
        /// The store does not know, or no longer knows, a multipart upload.
        case noSuchUpload
        /// Any other refusal by the store.
        case refused(status: Int, code: String)
        case malformedResponse
        case invalidManifest
        /// A path in a manifest, or a key, leads out of its folder.
        case unsafePath
        /// A newer attempt has written here.
        case newerAttempt(Int)
        /// A local file changed while it was being sent.
        case changedLocally
        case localFile(errno: Int32)
        case diskFull
        case cancelled
    }

    public var code: Code
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    /// Whether the same request may succeed in a moment.
    var isTransient: Bool { code == .unavailable }

    /// Whether other credentials might be accepted.
    var isOfCredentials: Bool { code == .invalidCredentials || code == .accessDenied }

    /// Whether the failure is of a file of this machine, and says nothing about the store.
    public var isOfLocalFile: Bool {
        switch code {
        case .localFile, .changedLocally: true
        default: false
        }
    }

    /// Whether another attempt at the whole task, later, may help without anyone changing anything.
    public var isRetryable: Bool {
        switch code {
        case .unavailable, .objectChanged, .changedLocally, .noSuchUpload, .diskFull, .cancelled,
            .malformedResponse, .localFile, .credentialsUnavailable, .credentialsExchanged:
            true
        case .invalidLocation, .invalidEndpoint, .accessDenied, .invalidCredentials, .secretNotAllowed,
            .noSuchBucket, .noSuchKey,
            .wrongRegion, .clockSkew, .checksumMismatch, .refused, .invalidManifest, .unsafePath,
            .newerAttempt:
            false
        }
    }

    /// CamelCase, for conditions and reports.
    public var reason: String {
        switch code {
        case .invalidLocation: "InvalidStorageUri"
        case .invalidEndpoint: "InvalidEndpoint"
        case .accessDenied: "AccessDenied"
        case .invalidCredentials, .credentialsExchanged: "InvalidCredentials"
        case .credentialsUnavailable: "CredentialsUnavailable"
        case .secretNotAllowed: "SecretNotAllowed"
        case .noSuchBucket: "BucketNotFound"
        case .noSuchKey: "ObjectNotFound"
        case .wrongRegion: "WrongRegion"
        case .clockSkew: "ClockSkew"
        case .objectChanged: "ObjectChanged"
        case .checksumMismatch: "ChecksumMismatch"
        case .unavailable: "StorageUnavailable"
        case .noSuchUpload: "UploadLost"
        case .refused: "StorageRefused"
        case .malformedResponse: "MalformedResponse"
        case .invalidManifest: "InvalidManifest"
        case .unsafePath: "UnsafePath"
        case .newerAttempt: "NewerAttempt"
        case .changedLocally: "FileChanged"
        case .localFile: "FileError"
        case .diskFull: "DiskFull"
        case .cancelled: "Cancelled"
        }
    }
}
