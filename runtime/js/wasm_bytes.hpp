#pragma once
// The binary format of WebAssembly modules, as far as memories go. Pure: no V8.

#include "runtime/base/bytes.hpp"
#include "runtime/base/error.hpp"

namespace themis::js {

/// The module whose memories are those that a module would make by itself. What is imported from it
/// is named "N,INITIAL,MAXIMUM,BITS": its number, its limits in pages of 64 KB (MAXIMUM empty for
/// none), 32 or 64.
inline constexpr std::string_view kMemoryImports = "themis:memory";
/// Memories of one module.
inline constexpr size_t kMemoriesPerModuleMax = 16;

/// The same module with each memory of its own as an import, in the order of their indices, which
/// stay: whoever makes the instance makes the memories, and counts them. V8 allocates a module's
/// own where no limit of ours sees it. Errors: invalid (one line that says what and at which byte):
/// not a sequence of sections, shared memory, custom page sizes, more than kMemoriesPerModuleMax,
/// an import from kMemoryImports. All else is V8's to check. Source: WebAssembly Core
/// Specification 3.0, section 5.5.
Result<Bytes> import_memories(ByteView module);

}  // namespace themis::js
