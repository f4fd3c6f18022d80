#include "apps/themis/package.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <set>

#include "apps/themis/esbuild.hpp"
#include "runtime/bundle/imports.hpp"
#include "runtime/bundle/source_map.hpp"
#include "runtime/config/function_manifest.hpp"

namespace themis::cli {
namespace {

namespace fs = std::filesystem;
using bundle::ModuleKind;

constexpr const char* kManifestName = "function.toml";
constexpr std::array kMainNames = {"index.ts", "index.js",     "index.mjs",   "main.ts",
                                   "main.js",  "src/index.ts", "src/index.js"};
constexpr std::array kCompiledEndings = {".ts", ".mts", ".tsx", ".jsx"};

/// Where a function's files are, and which one is the first.
struct Source {
  fs::path folder;
  std::string main;  ///< Below `folder`.
  FunctionManifest manifest;
  bool has_manifest = false;
};

bool is_compiled(const fs::path& file) {
  return std::ranges::find(kCompiledEndings, file.extension().string()) != kCompiledEndings.end();
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

Maybe<FunctionManifest> read_manifest(const fs::path& file) {
  const auto text = read_file(file.string());
  if (!text) return tl::unexpected<Failure>(text.error());
  auto manifest = parse_function_manifest(*text, file.string());
  if (!manifest) return misused(manifest.error().detail);
  return std::move(*manifest);
}

/// A folder, a manifest, or a file with or without one beside it.
Maybe<Source> find_source(const fs::path& given) {
  std::error_code error;
  Source source;
  const bool is_folder = fs::is_directory(given, error);
  const bool is_manifest = given.extension() == ".toml";
  source.folder = is_folder ? given : given.parent_path();
  if (source.folder.empty()) source.folder = ".";
  const fs::path manifest = is_manifest ? given : source.folder / kManifestName;
  if (is_manifest || is_file(manifest)) {
    auto read = read_manifest(manifest);
    if (!read) return tl::unexpected<Failure>(read.error());
    // Beside a file it counts for the file that it names.
    source.has_manifest = is_folder || is_manifest || read->main == given.filename().string();
    if (source.has_manifest) source.manifest = std::move(*read);
  }
  source.main = source.manifest.main;
  if (!is_folder && !is_manifest) source.main = given.filename().string();
  for (const char* name : kMainNames)
    if (source.main.empty() && is_file(source.folder / name)) source.main = name;
  if (source.main.empty())
    return failed(
        fmt::format("{}: no index.js, index.ts or main.js there; name the main module in "
                    "{} as main = \"...\"",
                    source.folder.string(), kManifestName));
  return source;
}

/// Files of a function, collected from its main module on.
class Collector {
 public:
  explicit Collector(const Source& source) : source_(source) {}

  Outcome collect() {
    for (const std::string& file : source_.manifest.include)
      if (auto added = add(file); !added) return added;
    if (auto added = add(source_.main); !added) return added;
    for (; !unread_.empty(); unread_.pop_front())
      if (auto scanned = scan(unread_.front()); !scanned) return scanned;
    return {};
  }
  /// Why esbuild is needed; empty: it is not.
  const std::string& needs_esbuild() const { return needs_esbuild_; }
  const std::map<std::string, std::string>& files() const { return files_; }

 private:
  Outcome add(const std::string& name) {
    if (files_.contains(name)) return {};
    if (files_.size() >= bundle::kModulesMax)
      return failed(fmt::format("{}: more than {} modules; bundle them with esbuild",
                                source_.folder.string(), bundle::kModulesMax));
    const fs::path path = source_.folder / name;
    auto content = read_file(path.string());
    if (!content) return tl::unexpected<Failure>(content.error());
    files_.emplace(name, std::move(*content));
    if (is_compiled(path)) needs_esbuild_ = name;
    const ModuleKind kind = bundle::kind_of(name);
    if (kind == ModuleKind::es || kind == ModuleKind::commonjs) unread_.push_back(name);
    return {};
  }
  /// What it imports and is there. What is not, the engine says best.
  Outcome scan(const std::string& name) {
    for (const std::string& specifier : bundle::imports_of(files_.at(name))) {
      if (!specifier.starts_with("./") && !specifier.starts_with("../")) {
        const fs::path named(specifier);
        const bool is_below = named.is_relative() && named == named.lexically_normal();
        if (is_below && is_file(source_.folder / named)) {
          if (auto added = add(specifier); !added) return added;
        } else {
          needs_esbuild_ = name + " (\"" + specifier + "\")";
        }
        continue;
      }
      const fs::path joined = (fs::path(name).parent_path() / specifier).lexically_normal();
      const std::string target = joined.generic_string();
      if (target.starts_with("..")) continue;
      if (is_file(source_.folder / target)) {
        if (auto added = add(target); !added) return added;
      } else if (!joined.has_extension()) {
        needs_esbuild_ = name + " (\"" + specifier + "\")";
      }
    }
    return {};
  }

  const Source& source_;
  std::map<std::string, std::string> files_;
  std::deque<std::string> unread_;
  std::string needs_esbuild_;
};

/// The values of the secrets: those of the words, else of the environment.
Outcome add_secrets(const Deploy& what, const FunctionManifest& manifest,
                    bundle::Settings& settings) {
  for (const std::string& word : what.secrets) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return misused("--secret is NAME=@FILE, NAME=- or NAME=VALUE: " + word.substr(0, equals));
    const std::string given = word.substr(equals + 1);
    auto value = read_argument(given);
    if (!value) return tl::unexpected<Failure>(value.error());
    const bool is_file = given == "-" || given.starts_with('@');
    if (is_file && value->ends_with('\n')) value->pop_back();
    settings.secrets[word.substr(0, equals)] = std::move(*value);
  }
  for (const std::string& name : manifest.secrets) {
    if (settings.secrets.contains(name)) continue;
    const char* value = std::getenv(name.c_str());
    if (value == nullptr)
      return failed(
          fmt::format("the secret {0} has no value: set the environment variable {0}, or "
                      "say --secret {0}=@FILE",
                      name));
    settings.secrets[name] = value;
  }
  return {};
}

Maybe<bundle::Bundle> make_bundle(const Deploy& what, const Source& source,
                                  const Collector& files) {
  bundle::Bundle out;
  out.main = source.main;
  out.settings = source.manifest.settings;
  if (auto added = add_secrets(what, source.manifest, out.settings); !added)
    return tl::unexpected<Failure>(added.error());
  const auto add = [&out](const std::string& name, const std::string& content) {
    out.modules.push_back({name, bundle::kind_of(name), to_bytes(content)});
  };
  if (files.needs_esbuild().empty()) {
    for (const auto& [name, content] : files.files()) add(name, content);
  } else {
    auto built =
        run_esbuild(source.folder, source.main, source.manifest.include, files.needs_esbuild());
    if (!built) return tl::unexpected<Failure>(built.error());
    out.main = kEsbuildMain;
    add(out.main, *built);
    const auto map = read_esbuild_map(source.folder);
    // Without the map traces show what esbuild made; the function is more important.
    if (map && built->size() + map->size() < bundle::kCodeBytesMax / 8 * 7)
      add(out.main + std::string(bundle::kSourceMapEnding), *map);
    for (const std::string& name : source.manifest.include)
      if (name != out.main) add(name, files.files().at(name));
  }
  std::ranges::sort(out.modules, {}, &bundle::Module::name);
  return out;
}

std::string counted(size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// "cart", of "shop/cart" as well as of ".".
std::string name_of_folder(const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::canonical(folder, error);
  return (error ? folder : whole).filename().string();
}

}  // namespace

Maybe<Package> make_package(const Deploy& what, const std::string& file) {
  const fs::path given(file);
  std::error_code error;
  const bool is_folder = fs::is_directory(given, error) || given.extension() == ".toml";
  Package package;
  const std::string stem = given.stem().string();
  if (given.extension() == ".wasm") {
    auto code = read_file(file);
    if (!code) return tl::unexpected<Failure>(code.error());
    return Package{what.name.empty() ? stem : what.name, std::move(*code), "application/wasm", 0,
                   ""};
  }
  auto source = find_source(given);
  if (!source) return tl::unexpected<Failure>(source.error());
  const std::string own_name = is_folder ? name_of_folder(source->folder) : stem;
  package.name = !what.name.empty()               ? what.name
                 : !source->manifest.name.empty() ? source->manifest.name
                                                  : own_name;
  package.instances = source->manifest.instances;
  Collector files(*source);
  if (auto collected = files.collect(); !collected)
    return tl::unexpected<Failure>(collected.error());
  auto made = make_bundle(what, *source, files);
  if (!made) return tl::unexpected<Failure>(made.error());
  const bool is_file_alone = !is_folder && !source->has_manifest;
  const bool is_plain = is_file_alone && made->modules.size() == 1 &&
                        made->settings == bundle::Settings{} &&
                        made->modules[0].kind == ModuleKind::es;
  if (is_plain) {
    package.body = as_text(made->modules[0].content);
    package.content_type = "text/javascript";
    return package;
  }
  const auto code = bundle::encode(*made);
  if (!code) return failed(fmt::format("{}: {}", file, code.error().detail));
  package.body = as_text(*code);
  package.content_type = "application/vnd.themis.bundle";
  const auto is_code = [](const bundle::Module& module) {
    return !module.name.ends_with(bundle::kSourceMapEnding);
  };
  package.made_of =
      counted(static_cast<size_t>(std::ranges::count_if(made->modules, is_code)), "module");
  if (const size_t secrets = made->settings.secrets.size(); secrets > 0)
    package.made_of += ", " + counted(secrets, "secret");
  return package;
}

}  // namespace themis::cli
