#pragma once
// esbuild, where the one who deploys has it: TypeScript and packages become one ES module.

#include "apps/themis/commands.hpp"

namespace themis::cli {

/// The name of what it makes, in a bundle.
inline constexpr const char* kEsbuildMain = "main.js";

/// Runs esbuild on `folder`/`main`: $THEMIS_ESBUILD, else node_modules/.bin/esbuild of the folder
/// or one above, else the one of PATH. What is in `external` stays an import. The output and its
/// source map lie in `folder`/.themis. `needed_by`: why it is run, for the message when there is
/// none.
Maybe<std::string> run_esbuild(const std::filesystem::path& folder, const std::string& main,
                               const std::vector<std::string>& external,
                               const std::string& needed_by);

/// What run_esbuild made of `folder` leads back to, as a bundle has it (bundle::kSourceMapHead),
/// with sources named from `folder`; nothing when there is no map that can be read.
std::optional<std::string> read_esbuild_map(const std::filesystem::path& folder);

}  // namespace themis::cli
