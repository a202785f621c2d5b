#pragma once

#include <zlib.h>

/// Prepares to inflate gzip alone; zlib's own name for it is a macro, which Swift does not see.
static inline int anneal_gunzip_init(z_stream *stream) { return inflateInit2(stream, 16 + MAX_WBITS); }
