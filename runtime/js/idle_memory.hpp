#pragma once
// Memory that V8 keeps for an isolate, with nothing in it while nobody calls. Internal: shows V8.

#include <cstddef>
#include <cstdint>
#include <span>

namespace v8 {
class Isolate;
}

namespace themis::js {

/// Empties V8's lookup caches by giving their pages back to the kernel: 270 KB, a fifth of an idle
/// isolate, which V8 fills with entries that say "empty" when it makes one and at each collection.
/// The pages read as zeros from then on, which say the same, and return one by one when entries are
/// written. Nothing happens in a V8 whose places are not known. Returns the bytes.
/// The isolate's thread, not while its JavaScript runs.
size_t release_lookup_caches(v8::Isolate* isolate);

inline constexpr size_t kNowhere = SIZE_MAX;
/// The pages that lie wholly in `block` and hold no byte of the pointer at `kept_at`, near one of
/// its ends or kNowhere.
std::span<std::byte> whole_pages(std::span<std::byte> block, size_t kept_at);

}  // namespace themis::js
