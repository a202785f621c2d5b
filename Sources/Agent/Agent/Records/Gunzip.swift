import CZlib
import FoundationEssentials

/// Decompresses gzip of one or several members, as `gzip` and `pigz` write and `cat` joins them. Holds 256 KiB
/// beside zlib's window.
final class Gunzip {
    enum Failure: Error, Equatable {
        /// The bytes are no gzip, or do not have the checksum that they name.
        case damaged
        case endsEarly
        case outOfMemory
    }

    private static let pieceSize = 1 << 18
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let isReady: Bool
    /// Whether the last member has ended and no other has begun.
    private var isBetweenMembers = false
    private var hasEnded = false

    init() {
        stream.initialize(to: z_stream())
        isReady = anneal_gunzip_init(stream) == Z_OK
    }

    deinit {
        if isReady { inflateEnd(stream) }
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Calls `body` with what a chunk of compressed bytes holds, 256 KiB at a time.
    func take(_ chunk: Data, _ body: (Data) throws -> Void) throws {
        guard isReady else { throw Failure.outOfMemory }
        var input = [UInt8](chunk)
        var piece = [UInt8](repeating: 0, count: Self.pieceSize)
        var done = 0
        while done < input.count, !hasEnded {
            if isBetweenMembers {
                // Tapes and some tools fill the end with zeros.
                guard input[done] != 0 else {
                    hasEnded = input[done...].allSatisfy { $0 == 0 }
                    guard hasEnded else { throw Failure.damaged }
                    return
                }
                guard inflateReset(stream) == Z_OK else { throw Failure.damaged }
                isBetweenMembers = false
            }
            let (consumed, produced, status) = step(&input, from: done, into: &piece)
            done += consumed
            if produced > 0 { try body(Data(piece[..<produced])) }
            switch status {
            case Z_OK: break
            case Z_STREAM_END: isBetweenMembers = true
            case Z_BUF_ERROR where done == input.count: return
            case Z_MEM_ERROR: throw Failure.outOfMemory
            default: throw Failure.damaged
            }
        }
        // Bytes left in zlib's window come out without further input.
        while !isBetweenMembers, !hasEnded {
            let (_, produced, status) = step(&input, from: input.count, into: &piece)
            if produced > 0 { try body(Data(piece[..<produced])) }
            if status == Z_STREAM_END { isBetweenMembers = true }
            guard status == Z_OK, produced > 0 else { return }
        }
    }

    /// Checks that the last member is whole.
    func finish() throws(Failure) {
        guard isBetweenMembers || hasEnded else { throw Failure.endsEarly }
    }

    private func step(
        _ input: inout [UInt8], from start: Int, into piece: inout [UInt8]
    ) -> (consumed: Int, produced: Int, status: Int32) {
        let given = input.count - start
        let room = piece.count
        return input.withUnsafeMutableBufferPointer { input in
            piece.withUnsafeMutableBufferPointer { piece in
                stream.pointee.next_in = input.baseAddress.map { $0 + start }
                stream.pointee.avail_in = UInt32(clamping: given)
                stream.pointee.next_out = piece.baseAddress
                stream.pointee.avail_out = UInt32(clamping: room)
                let status = inflate(stream, Z_NO_FLUSH)
                return (
                    given - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out), status
                )
            }
        }
    }
}
