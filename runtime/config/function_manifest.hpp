#pragma once
// function.toml, which lies beside a function's code: what it is called, made of, given and called
// for.

#include "runtime/bundle/bundle.hpp"

namespace themis {

struct FunctionManifest {
  std::string name;                  ///< Empty: that of the folder or file.
  std::string main;                  ///< The main module's file; empty: looked for.
  std::vector<std::string> include;  ///< Files that nothing imports by a plain name.
  std::vector<std::string> secrets;  ///< Names; their values are not written into files.
  uint32_t instances = 0;            ///< 0: as many as a node makes by itself.
  bundle::Settings settings;         ///< Without secrets.
};

/// Reads the text of a manifest; `file_name` is for the messages. Texts of [env] stay texts, every
/// other value becomes JSON. Errors: invalid, in one line with the place; an unknown key is told
/// with the nearest known one. Any thread.
Result<FunctionManifest> parse_function_manifest(std::string_view text, std::string_view file_name);

}  // namespace themis
