#pragma once
// What `themis deploy` sends: a file alone, or a bundle of a folder's modules and its manifest.

#include "apps/themis/commands.hpp"

namespace themis::cli {

struct Package {
  std::string name;
  std::string body;
  std::string content_type;
  uint32_t instances = 0;  ///< 0: as many as a node makes by itself.
  std::string made_of;     ///< "3 modules, 1 secret", for people; empty: one file alone.
};

/// Reads the files of the function that `file` is or names. TypeScript and packages go through
/// esbuild, whose output stays in the folder .themis beside the manifest, with its source map.
Maybe<Package> make_package(const Deploy& what, const std::string& file);

}  // namespace themis::cli
