import Foundation
import Testing

@testable import ObjectStorage

/// Folders on the disk, with everything that a trainer may leave in one.
@Suite struct FolderContentsTests {
    /// A folder that is removed at the end.
    private final class Folder {
        let root = FileManager.default.temporaryDirectory.appending(path: "contents-\(UUID().uuidString)")
            .path
        var path: String { root + "/folder" }

        init() throws {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: root) }

        func write(_ name: String, _ text: String = "x") throws {
            let url = URL(filePath: "\(root)/\(name)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }

        func link(_ name: String, to target: String) throws {
            let url = URL(filePath: "\(root)/\(name)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: url.path, withDestinationPath: target)
        }

        func text(_ path: String, in contents: FolderContents) throws -> String {
            let file = try #require(contents.files.first { $0.path == path })
            let opened = try contents.folder.file(reading: file.source)
            return String(decoding: try opened.chunk(at: 0, count: 100), as: UTF8.self)
        }
    }

    @Test func `hidden files count`() throws {
        let folder = try Folder()
        for name in [".metadata", "__0_0.distcp", ".cache/.inner", "sub/.hidden", ".downloads.json"] {
            try folder.write("folder/" + name)
        }
        let contents = try FolderContents(of: folder.path)
        #expect(
            contents.files.map(\.path)
                == [".cache/.inner", ".downloads.json", ".metadata", "__0_0.distcp", "sub/.hidden"])
        #expect(contents.refusal == nil)
    }

    @Test func `a link inside the folder is the file that it leads to`() throws {
        let folder = try Folder()
        try folder.write("folder/blobs/abc", "weights")
        try folder.link("folder/snapshots/1/model.bin", to: "../../blobs/abc")
        try folder.link("folder/refs/main", to: "../snapshots/1")
        try folder.link("folder/absolute", to: folder.path + "/blobs/abc")
        try folder.link("folder/through", to: "refs/main/model.bin")
        let contents = try FolderContents(of: folder.path)
        #expect(contents.refusal == nil)
        #expect(
            contents.files.map(\.path)
                == ["absolute", "blobs/abc", "refs/main/model.bin", "snapshots/1/model.bin", "through"])
        for file in contents.files { #expect(try folder.text(file.path, in: contents) == "weights") }
    }

    @Test func `what is no file of the folder is refused by name, and hides nothing else`() throws {
        let folder = try Folder()
        try folder.write("outside/secret", "secret")
        try folder.write("folder-beside/secret", "secret")
        try folder.write("folder/good", "good")
        try folder.link("folder/out", to: "../outside/secret")
        try folder.link("folder/beside", to: "../folder-beside/secret")
        try folder.link("folder/outside", to: "../outside")
        try folder.link("folder/etc", to: "/etc")
        try folder.link("folder/dangling", to: "nowhere")
        try folder.link("folder/self", to: "self")
        try folder.link("folder/sub/up", to: "..")
        try folder.link("folder/top", to: "../..")
        try folder.write("folder/sub/deep", "deep")
        mkfifo(folder.path + "/pipe", 0o644)
        let contents = try FolderContents(of: folder.path)
        #expect(contents.files.map(\.path) == ["good", "sub/deep"])
        #expect(
            contents.refused.map(\.path)
                == ["beside", "dangling", "etc", "out", "outside", "pipe", "self", "sub/up", "top"])
        let reasons = Dictionary(uniqueKeysWithValues: contents.refused.map { ($0.path, $0.reason) })
        #expect(reasons["out"]?.contains("leads out of the folder") == true)
        #expect(reasons["dangling"] == "is a link that leads nowhere")
        #expect(reasons["self"] == "is a link that leads back to itself")
        #expect(reasons["sub/up"] == "is a link to a folder that it is in itself")
        #expect(reasons["pipe"] == "is a named pipe")
        let refusal = try #require(contents.refusal)
        #expect(refusal.hasPrefix("'beside' is a link that leads out of the folder, to '"))
        #expect(refusal.contains(", and ") && refusal.hasSuffix(" more") && refusal.count < 900)
    }

    @Test func `names that a store cannot keep are refused`() throws {
        let folder = try Folder()
        try folder.write("folder/a\\b")
        try folder.write("folder/line\nfeed")
        try folder.write("folder/fine")
        let name: [CChar] = Array((folder.path + "/").utf8CString.dropLast()) + [CChar(bitPattern: 0xFF), 0]
        close(open(name, O_CREAT | O_WRONLY, 0o644))
        let contents = try FolderContents(of: folder.path)
        #expect(contents.files.map(\.path) == ["fine"])
        #expect(Set(contents.refused.map(\.path)) == ["a\\b", "line?feed", "\u{FFFD}"])
    }

    @Test func `folders that nest or link without end have an end`() throws {
        let folder = try Folder()
        try folder.write("folder/" + String(repeating: "d/", count: 40) + "f")
        try folder.write("folder/shallow")
        let nested = try FolderContents(of: folder.path)
        #expect(nested.files.map(\.path) == ["shallow"])
        #expect(nested.refused.first?.reason == "is nested deeper than 32 folders")
        // Each folder has two links to the next: 2^24 paths to the last one.
        let maze = try Folder()
        for level in 0..<24 {
            try maze.link("folder/\(level)/a", to: "../\(level + 1)")
            try maze.link("folder/\(level)/b", to: "../\(level + 1)")
        }
        try maze.write("folder/24/f")
        let error = #expect(throws: S3Error.self) { try FolderContents(of: maze.path) }
        #expect(error?.code == .unsafePath)
    }

    @Test func `a link that takes a file's or folder's place later leads nowhere`() throws {
        let folder = try Folder()
        try folder.write("outside/sub/f", "secret")
        try folder.write("folder/sub/f", "good")
        let contents = try FolderContents(of: folder.path)
        #expect(try folder.text("sub/f", in: contents) == "good")
        try FileManager.default.removeItem(atPath: folder.path + "/sub")
        try folder.link("folder/sub", to: "../outside/sub")
        let error = #expect(throws: S3Error.self) { try folder.text("sub/f", in: contents) }
        #expect(error?.code == .unsafePath)
        try FileManager.default.removeItem(atPath: folder.path + "/sub")
        try folder.link("folder/sub/f", to: "../../outside/sub/f")
        let other = #expect(throws: S3Error.self) { try folder.text("sub/f", in: contents) }
        #expect(other?.code == .unsafePath)
        for path in ["../outside/sub/f", "/etc/hostname", "sub/../../outside/sub/f", ".", "", "sub//f"] {
            #expect(throws: S3Error.self) { _ = try contents.folder.file(reading: path) }
        }
    }

    @Test func `removing all but some files follows no link`() throws {
        let folder = try Folder()
        try folder.write("outside/f", "kept")
        for name in ["a", ".hidden", "sub/b", "sub/.c", "other/d"] { try folder.write("folder/" + name) }
        try folder.link("folder/sub/link", to: "../../outside")
        try folder.link("folder/linked", to: "../outside")
        try FileTree.removeAll(below: folder.path, except: ["a", "sub/b", "linked/f"])
        #expect(try FolderContents(of: folder.path).files.map(\.path) == ["a", "sub/b"])
        #expect(try FolderContents(of: folder.path).refused.isEmpty)
        #expect(FileManager.default.fileExists(atPath: folder.root + "/outside/f"))
    }
}
