#include "runtime/config/config.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <map>

#include "runtime/base/bytes.hpp"
#include "runtime/config/keys.hpp"
#include "runtime/config/nearest.hpp"

namespace themis {
namespace {

using config::Key;
using config::Kind;
using config::Value;

/// Where each key's value came from: "mesh.toml:12:3" or "--set".
using Origins = std::map<std::string, std::string, std::less<>>;

/// Tables that may be there many times, [[route]]: keys that every entry needs, and how many.
struct ListTable {
  std::string_view name;
  std::string_view needs;
  size_t entries_max;
};
constexpr ListTable kListTables[] = {{"route", "name", kRoutesConfiguredMax},
                                     {"allow", "service", kAllowRulesMax}};

const ListTable* find_list(std::string_view name) {
  const auto found = std::ranges::find(kListTables, name, &ListTable::name);
  return found == std::end(kListTables) ? nullptr : found;
}

/// "[gateway]" or "[[route]]".
std::string in_brackets(std::string_view table) {
  return fmt::format(fmt::runtime(find_list(table) != nullptr ? "[[{}]]" : "[{}]"), table);
}

const Key* find_key(std::string_view full_name) {
  const auto found = std::ranges::find(config::keys(), full_name, &Key::full_name);
  return found == config::keys().end() ? nullptr : &*found;
}

bool is_table(std::string_view name) {
  return std::ranges::find(config::keys(), name, &Key::table) != config::keys().end();
}

/// Whether keys are called `name`.SOMETHING: it may be written as an inline table.
bool is_key_prefix(std::string_view name) {
  return std::ranges::any_of(config::keys(), [&](const Key& key) {
    return key.full_name().starts_with(std::string(name) + '.');
  });
}

tl::unexpected<Error> unknown_key(std::string_view where, std::string_view full_name) {
  const auto nearest = std::ranges::min_element(config::keys(), {}, [&](const Key& key) {
    return config::edit_distance(full_name, key.full_name());
  });
  return fail(Code::invalid, fmt::format("{}: {}: unknown key; did you mean {}?", where, full_name,
                                         nearest->full_name()));
}

tl::unexpected<Error> unknown_table(std::string_view where, std::string_view name) {
  const auto nearest = std::ranges::min_element(
      config::keys(), {}, [&](const Key& key) { return config::edit_distance(name, key.table); });
  return fail(Code::invalid, fmt::format("{}: {}: unknown table; did you mean {}?", where, name,
                                         in_brackets(nearest->table)));
}

Status assign(Config& config, const Key& key, const Value& value, std::string_view where) {
  if (value.index() != static_cast<size_t>(key.kind))
    return fail(Code::invalid, fmt::format("{}: {}: must be {}", where, key.full_name(),
                                           config::kind_name(key.kind)));
  if (auto set = key.set(config, value); !set)
    return fail(set.error().code,
                fmt::format("{}: {}: {}", where, key.full_name(), set.error().detail));
  return {};
}

std::string position(std::string_view file, const toml::source_region& source) {
  return fmt::format("{}:{}:{}", file, source.begin.line, source.begin.column);
}

/// The alternative of Value that `node` is, or nothing for what no key takes (dates, floats,
/// tables).
std::optional<Value> to_value(const toml::node& node) {
  if (const auto* b = node.as_boolean()) return Value(b->get());
  if (const auto* i = node.as_integer()) return Value(i->get());
  if (const auto* s = node.as_string()) return Value(s->get());
  if (const auto* list = node.as_array()) {
    std::vector<std::string> entries;
    for (const toml::node& entry : *list) {
      if (!entry.is_string()) return std::nullopt;
      entries.push_back(entry.as_string()->get());
    }
    return Value(std::move(entries));
  }
  return std::nullopt;
}

Status read_table(Config& config, std::string_view table_name, const toml::table& table,
                  std::string_view file, Origins& origins) {
  for (const auto& [name, node] : table) {
    const std::string full_name = fmt::format("{}.{}", table_name, name.str());
    const Key* key = find_key(full_name);
    if (!key && node.is_table() && is_key_prefix(full_name)) {
      THEMIS_CHECK(read_table(config, full_name, *node.as_table(), file, origins));
      continue;
    }
    if (!key) return unknown_key(position(file, name.source()), full_name);
    const std::string where = position(file, node.source());
    const auto value = to_value(node);
    if (!value)
      return fail(Code::invalid, fmt::format("{}: {}: must be {}", where, full_name,
                                             config::kind_name(key->kind)));
    THEMIS_CHECK(assign(config, *key, *value, where));
    origins[full_name] = where;
  }
  return {};
}

Status read_list(Config& config, const ListTable& list, const toml::node& node,
                 std::string_view file, Origins& origins) {
  const std::string at = position(file, node.source());
  if (!node.is_array_of_tables())
    return fail(Code::invalid, fmt::format("{}: {}: must be a list of tables, {}", at, list.name,
                                           in_brackets(list.name)));
  if (node.as_array()->size() > list.entries_max)
    return fail(Code::invalid,
                fmt::format("{}: {}: has {} entries; at most {} are looked through", at, list.name,
                            node.as_array()->size(), list.entries_max));
  for (const toml::node& entry : *node.as_array()) {
    const toml::table& table = *entry.as_table();
    const std::string where = position(file, entry.source());
    if (!table.contains(list.needs))
      return fail(Code::invalid,
                  fmt::format("{}: {}.{}: is missing", where, list.name, list.needs));
    const bool is_route = list.name == "route";
    is_route ? (void)config.routes.emplace_back() : (void)config.allows.emplace_back();
    THEMIS_CHECK(read_table(config, list.name, table, file, origins));
    config::Conflict conflict;
    if (is_route && !config::consistent(config.routes.back(), conflict))
      return fail(Code::invalid, fmt::format("{}: {}: {}", where, conflict.key, conflict.detail));
  }
  return {};
}

Status read_document(Config& config, std::string_view text, std::string_view file,
                     Origins& origins) {
  try {
    const toml::table document = toml::parse(text);
    for (const auto& [name, node] : document) {
      const std::string where = position(file, name.source());
      if (!is_table(name.str())) {
        if (node.is_table() || node.is_array_of_tables()) return unknown_table(where, name.str());
        return unknown_key(where, name.str());
      }
      if (const ListTable* list = find_list(name.str())) {
        THEMIS_CHECK(read_list(config, *list, node, file, origins));
        continue;
      }
      if (!node.is_table())
        return fail(Code::invalid,
                    fmt::format("{}: {}: must be a table, [{}]", where, name.str(), name.str()));
      THEMIS_CHECK(read_table(config, name.str(), *node.as_table(), file, origins));
    }
  } catch (const toml::parse_error& error) {
    return fail(Code::invalid,
                fmt::format("{}: {}", position(file, error.source()), error.description()));
  }
  return {};
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view unquote(std::string_view text) {
  text = trim(text);
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                      text.front() == text.back();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

std::vector<std::string> split_list(std::string_view text) {
  text = trim(text);
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
    text = trim(text.substr(1, text.size() - 2));
  std::vector<std::string> entries;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (const auto entry = unquote(text.substr(0, comma)); !entry.empty())
      entries.emplace_back(entry);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return entries;
}

/// The words after --set mean what the key's kind says.
std::optional<Value> override_value(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::text:
      return Value(std::string(unquote(text)));
    case Kind::list:
      return Value(split_list(text));
    case Kind::boolean:
      if (trim(text) == "true") return Value(true);
      if (trim(text) == "false") return Value(false);
      return std::nullopt;
    case Kind::number: {
      const std::string_view digits = trim(text);
      int64_t number = 0;
      const char* end = digits.data() + digits.size();
      const auto [stop, error] = std::from_chars(digits.data(), end, number);
      if (digits.empty() || error != std::errc{} || stop != end) return std::nullopt;
      return Value(number);
    }
  }
  return std::nullopt;
}

Status apply_override(Config& config, std::string_view text, Origins& origins) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return fail(Code::invalid, fmt::format("--set {}: needs the form key=value", text));
  const std::string name(trim(text.substr(0, equals)));
  const Key* key = find_key(name);
  if (!key) return unknown_key("--set", name);
  if (find_list(key->table) != nullptr)
    return fail(Code::invalid, fmt::format("--set: {}: {} is a list: write it into the file", name,
                                           in_brackets(key->table)));
  const auto value = override_value(key->kind, text.substr(equals + 1));
  if (!value)
    return fail(Code::invalid,
                fmt::format("--set: {}: must be {}", name, config::kind_name(key->kind)));
  origins[name] = "--set";
  return assign(config, *key, *value, "--set");
}

std::string toml_text(const Value& value) {
  struct Visitor {
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(int64_t i) const { return std::to_string(i); }
    std::string operator()(const std::string& text) const {
      std::string out = "\"";
      for (const char c : text) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
      }
      return out + '"';
    }
    std::string operator()(const std::vector<std::string>& entries) const {
      std::string out = "[";
      for (const std::string& entry : entries) out += (out.size() > 1 ? ", " : "") + (*this)(entry);
      return out + ']';
    }
  };
  return std::visit(Visitor{}, value);
}

}  // namespace

std::string BootstrapPeer::text() const {
  return (node_id ? to_hex(*node_id) + '@' : std::string()) + address.text();
}

Result<Config> parse_config(std::string_view text, std::string_view file_name,
                            std::span<const std::string> overrides) {
  if (text.size() > kConfigBytesMax)
    return fail(Code::invalid, fmt::format("{}: has {} bytes; a config has at most {}", file_name,
                                           text.size(), kConfigBytesMax));
  Config config;
  Origins origins;
  THEMIS_CHECK(read_document(config, text, file_name, origins));
  for (const std::string& entry : overrides) {
    THEMIS_CHECK(apply_override(config, entry, origins));
  }
  config::Conflict conflict;
  if (!config::consistent(config, conflict)) {
    const auto origin = origins.find(conflict.key);
    return fail(Code::invalid,
                fmt::format("{}: {}: {}", origin == origins.end() ? file_name : origin->second,
                            conflict.key, conflict.detail));
  }
  return config;
}

Result<Config> load_config(const std::filesystem::path& path,
                           std::span<const std::string> overrides) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return fail(Code::io, path.string() + ": is a directory, not a config file");
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::io, path.string() + ": " + std::strerror(errno));
  std::string text(kConfigBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return fail(Code::io, path.string() + ": cannot be read");
  text.resize(static_cast<size_t>(file.gcount()));
  return parse_config(text, path.string(), overrides);
}

std::string describe(const Config& config) {
  std::string out;
  std::string_view table;
  for (const Key& key : config::keys()) {
    if (find_list(key.table) != nullptr) continue;
    if (key.table != table) {
      out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", key.table);
      table = key.table;
    }
    out += fmt::format("{} = {}\n", key.name, toml_text(key.get(config)));
  }
  const auto entry = [&out](std::string_view list, const Config& one) {
    out += fmt::format("\n[[{}]]\n", list);
    for (const Key& key : config::keys())
      if (key.table == list) out += fmt::format("{} = {}\n", key.name, toml_text(key.get(one)));
  };
  Config one;
  for (const RouteConfig& route : config.routes) {
    one.routes = {route};
    entry("route", one);
  }
  for (const AllowConfig& allow : config.allows) {
    one.allows = {allow};
    entry("allow", one);
  }
  return out;
}

}  // namespace themis
