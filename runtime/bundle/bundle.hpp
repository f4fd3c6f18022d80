#pragma once
// A function as it is deployed: named modules and settings, and the one sequence of bytes that
// stands for them. A function's id is the hash of those bytes.

#include "runtime/bundle/settings.hpp"

namespace themis::bundle {

/// Longest code of a function: what one deploy may carry.
inline constexpr size_t kCodeBytesMax = 1 << 20;
/// What a person writes in files; what comes from packages is bundled into few.
inline constexpr size_t kModulesMax = 256;
inline constexpr size_t kModuleNameBytesMax = 128;

/// The numbers are part of the format.
enum class ModuleKind : uint8_t { es = 1, commonjs = 2, json = 3, text = 4, data = 5, wasm = 6 };

/// By the ending of a file's name: .js .mjs, .cjs, .json, .wasm, those of texts; else data.
ModuleKind kind_of(std::string_view name);

/// A name is a path: segments with "/" between them, no "." or ".." among them, printable.
struct Module {
  std::string name;
  ModuleKind kind = ModuleKind::es;
  Bytes content;
  friend bool operator==(const Module&, const Module&) = default;
};

struct Bundle {
  std::string main;             ///< An ES or CommonJS module of `modules`.
  std::vector<Module> modules;  ///< In ascending order of names.
  Settings settings;

  const Module* find(std::string_view name) const;
  friend bool operator==(const Bundle&, const Bundle&) = default;
};

/// Whether code is a bundle; else it is the source of one ES module, or a Wasm module. A bundle
/// starts with a NUL, which no source does.
bool is_bundle(ByteView code);
/// Whether code is a Wasm module.
bool is_wasm(ByteView code);

/// Eight bytes of magic, then entries in strictly ascending order of (kind, name), each u8 kind, u8
/// length of the name, name, u32 length, content. There is one encoding of a bundle, and decode()
/// takes no other. Errors of both: invalid, too_large; of decode() also malformed.
Result<Bytes> encode(const Bundle& bundle);
Result<Bundle> decode(ByteView code);

/// Code of any form: a source is the bundle of one module, `name` with ".js"; a Wasm module is one
/// with ".wasm".
/// Errors: those of decode(), too_large.
Result<Bundle> read_code(ByteView code, std::string_view name);

}  // namespace themis::bundle
