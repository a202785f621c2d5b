import CCurl

/// How this process keeps memory that it does not use: with as little as it can.
public enum ProcessMemory {
    /// Gives back what was freed. Decoding a list takes several times what the list takes up.
    public static func returnFreed() { ccurl_return_freed_memory() }

    /// Gives back the pages of code that were mapped so far, beside what was freed. A start runs through
    /// much that is never needed again; what is comes back at its first use.
    public static func returnUnused() {
        returnFreed()
        ccurl_return_code_pages()
    }

    /// Lets all threads allocate from two arenas: what one has freed, another cannot use. To be called
    /// before there are threads.
    public static func limitArenas() { ccurl_limit_arenas(2) }
}
