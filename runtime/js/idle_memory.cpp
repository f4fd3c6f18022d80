#include "runtime/js/idle_memory.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
#include <v8.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace themis::js {
namespace {

// Of another version is to be found out: how long Isolate::New makes an isolate, where
// Isolate::Init puts what it gets of operator new for 0xf008, 0xe008 and 0xc000 bytes (objdump -dC
// of the executable shows both), and whether zeros still are an empty entry.
// V8 does not find an entry of handlers without a map, and overwrites it without moving it; in the
// other two caches an entry is found by the address of some code.
static_assert(V8_MAJOR_VERSION == 14 && V8_MINOR_VERSION == 6 && V8_BUILD_NUMBER == 202 &&
                  V8_PATCH_LEVEL == 34,
              "the places of V8's caches in its isolate are to be found again");
constexpr std::string_view kVersion = "14.6.202.34";
constexpr size_t kIsolateBytes = 0x11648;
/// Most that the C library adds to what it is asked for.
constexpr size_t kRoundedMax = 32;

struct Cache {
  size_t place;  ///< Of the pointer to it, in the isolate.
  size_t bytes;
  size_t isolate_at;  ///< Where in it the isolate's own address is.
};
constexpr Cache kCaches[] = {
    {0x10068, 0xF008, 0xF000},    // StubCache, of loads
    {0x10070, 0xF008, 0xF000},    // of stores
    {0x10078, 0xF008, 0xF000},    // of definitions
    {0x100C8, 0xE008, 0},         // InnerPointerToCodeCache: which code an address belongs to
    {0x115A8, 0xC000, kNowhere},  // WasmCodeLookupCache: the same of WebAssembly
};

bool is_block_of(const void* block, size_t bytes) {
  const size_t has = ::malloc_usable_size(const_cast<void*>(block));
  return has >= bytes && has <= bytes + kRoundedMax;
}

bool knows_places_in(const v8::Isolate* isolate) {
#ifdef __x86_64__
  static const bool is_known = std::string_view(v8::V8::GetVersion()).starts_with(kVersion);
  return is_known && is_block_of(isolate, kIsolateBytes);
#else
  return isolate == nullptr;
#endif
}

}  // namespace

std::span<std::byte> whole_pages(std::span<std::byte> block, size_t kept_at) {
  static const uintptr_t page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  if (kept_at < block.size() / 2) {
    block = block.subspan(kept_at + sizeof(void*));
  } else if (kept_at != kNowhere) {
    block = block.first(kept_at);
  }
  const auto at = reinterpret_cast<uintptr_t>(block.data());
  const uintptr_t begin = (at + page - 1) / page * page;
  const uintptr_t end = (at + block.size()) / page * page;
  return begin < end ? block.subspan(begin - at, end - begin) : std::span<std::byte>();
}

size_t release_lookup_caches(v8::Isolate* isolate) {
  if (!knows_places_in(isolate)) return 0;
  const auto* members = reinterpret_cast<const std::byte*>(isolate);
  size_t released = 0;
  for (const Cache& cache : kCaches) {
    auto* block = *reinterpret_cast<std::byte* const*>(members + cache.place);
    if (block == nullptr || !is_block_of(block, cache.bytes)) continue;
    if (cache.isolate_at != kNowhere &&
        *reinterpret_cast<v8::Isolate* const*>(block + cache.isolate_at) != isolate)
      continue;
    const auto pages = whole_pages({block, cache.bytes}, cache.isolate_at);
    if (::madvise(pages.data(), pages.size(), MADV_DONTNEED) == 0) released += pages.size();
  }
  return released;
}

}  // namespace themis::js
