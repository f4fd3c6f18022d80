#include "runtime/js/wasm_bytes.hpp"

namespace themis::js {
namespace {

constexpr std::string_view kMagic{"\0asm", 4};
constexpr size_t kHeaderBytes = 8;  // magic and version
constexpr uint8_t kType = 1, kImport = 2, kMemory = 5;
// The flags of a memory's limits.
constexpr uint8_t kHasMaximum = 1, kShared = 2, kAddress64 = 4;
constexpr uint8_t kKindMemory = 2;

/// Reads from the front; a number that is cut off or too long ends it at `bad`.
class Reader {
 public:
  Reader(ByteView bytes, size_t from, size_t to) : bytes_(bytes), at_(from), end_(to) {}
  size_t at() const { return at_; }
  bool done() const { return at_ >= end_; }
  bool bad() const { return bad_; }

  uint8_t byte() {
    if (at_ >= end_) return fail_here();
    return std::to_integer<uint8_t>(bytes_[at_++]);
  }
  uint64_t number() {  // LEB128, unsigned, at most 10 bytes
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const uint8_t next = byte();
      value |= uint64_t{next & 0x7Fu} << std::min(shift, 63);
      if ((next & 0x80) == 0 || bad_) return value;
    }
    return fail_here();
  }
  /// `count` bytes.
  ByteView take(uint64_t count) {
    if (count > end_ - at_) {
      fail_here();
      return {};
    }
    const ByteView out = bytes_.subspan(at_, count);
    at_ += count;
    return out;
  }

 private:
  uint8_t fail_here() {
    bad_ = true;
    at_ = end_;
    return 0;
  }
  ByteView bytes_;
  size_t at_;
  size_t end_;
  bool bad_ = false;
};

void put_number(Bytes& out, uint64_t value) {
  do {
    const auto low = static_cast<uint8_t>(value & 0x7F);
    value >>= 7;
    out.push_back(std::byte(value != 0 ? low | 0x80 : low));
  } while (value != 0);
}
void put_text(Bytes& out, std::string_view text) {
  put_number(out, text.size());
  append(out, as_bytes(text));
}
void put_section(Bytes& out, uint8_t id, ByteView content) {
  out.push_back(std::byte(id));
  put_number(out, content.size());
  append(out, content);
}

tl::unexpected<Error> refuse(size_t at, const std::string& what) {
  return fail(Code::invalid, what + " @+" + std::to_string(at));
}

struct Imports {
  uint64_t count = 0;
  Bytes entries;
};

/// The memory section as imports.
Result<Imports> read_memories(ByteView module, size_t from, size_t to) {
  Reader in(module, from, to);
  Imports out;
  out.count = in.number();
  if (out.count > kMemoriesPerModuleMax)
    return refuse(from, "more than " + std::to_string(kMemoriesPerModuleMax) + " memories");
  for (uint64_t i = 0; i < out.count && !in.bad(); ++i) {
    const size_t start = in.at();
    const uint8_t flags = in.byte();
    if ((flags & kShared) != 0) return refuse(start, "shared memory is not supported");
    if ((flags & ~(kHasMaximum | kAddress64)) != 0) return refuse(start, "unknown kind of memory");
    const uint64_t initial = in.number();
    const bool has_maximum = (flags & kHasMaximum) != 0;
    const uint64_t maximum = has_maximum ? in.number() : 0;
    put_text(out.entries, kMemoryImports);
    put_text(out.entries, std::to_string(i) + "," + std::to_string(initial) + "," +
                              (has_maximum ? std::to_string(maximum) : "") +
                              ((flags & kAddress64) != 0 ? ",64" : ",32"));
    out.entries.push_back(std::byte(kKindMemory));
    append(out.entries, module.subspan(start, in.at() - start));
  }
  if (in.bad() || !in.done())
    return refuse(from, "a memory section that does not end where it says");
  return out;
}

/// True when the section asks for something of kMemoryImports; entries are not told apart, the name
/// alone is looked for.
bool names_ours(ByteView content) {
  return as_text(content).find(kMemoryImports) != std::string_view::npos;
}

}  // namespace

Result<Bytes> import_memories(ByteView module) {
  if (!as_text(module).starts_with(kMagic) || module.size() < kHeaderBytes)
    return refuse(0, "expected the magic word 00 61 73 6d and a version");
  // First look: where the sections are.
  size_t insert_at = kHeaderBytes;
  ByteView imports;
  Imports ours;
  bool has_memories = false;
  size_t import_start = 0;
  size_t import_end = 0;
  size_t memory_start = 0;
  size_t memory_end = 0;
  for (Reader in(module, kHeaderBytes, module.size()); !in.done();) {
    const size_t start = in.at();
    const uint8_t id = in.byte();
    const uint64_t size = in.number();
    const size_t content_start = in.at();
    const ByteView content = in.take(size);
    if (in.bad()) return refuse(start, "a section that reaches over the end");
    if (id == kType) insert_at = in.at();
    if (id == kImport) {
      if (import_end != 0) return refuse(start, "a second import section");
      if (names_ours(content)) return refuse(start, "imports from \"themis:memory\" are reserved");
      import_start = start;
      import_end = in.at();
      imports = content;
    }
    if (id == kMemory) {
      if (has_memories) return refuse(start, "a second memory section");
      has_memories = true;
      THEMIS_TRY(ours, read_memories(module, content_start, in.at()));
      memory_start = start;
      memory_end = in.at();
    }
  }
  Bytes out;
  if (ours.count == 0) {
    append(out, module);
    return out;
  }
  if (import_end == 0) import_start = import_end = insert_at;
  if (memory_start < import_end) return refuse(memory_start, "sections out of order");
  Reader in(imports, 0, imports.size());
  Bytes content;
  put_number(content, (imports.empty() ? 0 : in.number()) + ours.count);
  append(content, imports.subspan(in.at()));
  append(content, ours.entries);
  append(out, module.first(import_start));
  put_section(out, kImport, content);
  append(out, module.subspan(import_end, memory_start - import_end));
  append(out, module.subspan(memory_end));
  return out;
}

}  // namespace themis::js
