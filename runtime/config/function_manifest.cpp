#include "runtime/config/function_manifest.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <limits>
#include <sstream>

#include "runtime/config/config.hpp"
#include "runtime/config/nearest.hpp"

namespace themis {
namespace {

using Names = std::span<const std::string_view>;

/// One manifest being read: what to say of a place in it.
class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  tl::unexpected<Error> wrong(const toml::source_region& at, std::string_view key,
                              std::string_view what) const {
    return fail(Code::invalid,
                fmt::format("{}:{}:{}: {}: {}", file_, at.begin.line, at.begin.column, key, what));
  }
  tl::unexpected<Error> unknown(const toml::key& key, Names known) const {
    const auto nearest = std::ranges::min_element(
        known, {}, [&](std::string_view one) { return config::edit_distance(key.str(), one); });
    return wrong(key.source(), key.str(), fmt::format("unknown key; did you mean {}?", *nearest));
  }
  Result<std::string> text(const toml::node& node, std::string_view key) const {
    if (const auto* value = node.as_string()) return value->get();
    return wrong(node.source(), key, "must be a text");
  }
  Result<uint32_t> number(const toml::node& node, std::string_view key) const {
    const auto* value = node.as_integer();
    if (value == nullptr || value->get() < 0 || value->get() > std::numeric_limits<uint32_t>::max())
      return wrong(node.source(), key, "must be a whole number, not negative");
    return static_cast<uint32_t>(value->get());
  }
  Result<std::vector<std::string>> texts(const toml::node& node, std::string_view key) const {
    const auto* list = node.as_array();
    if (list == nullptr) return wrong(node.source(), key, "must be a list of texts");
    std::vector<std::string> out;
    for (const toml::node& entry : *list) {
      THEMIS_TRY(std::string one, text(entry, key));
      out.push_back(std::move(one));
    }
    return out;
  }
  Result<const toml::table*> table(const toml::node& node, std::string_view key) const {
    if (const auto* value = node.as_table()) return value;
    return wrong(node.source(), key, fmt::format("must be a table, [{}]", key));
  }
  Result<const toml::array*> tables(const toml::node& node, std::string_view key) const {
    if (node.is_array_of_tables()) return node.as_array();
    return wrong(node.source(), key, fmt::format("must be a list of tables, [[{}]]", key));
  }

 private:
  std::string_view file_;
};

std::string json_of(const toml::node& node) {
  std::ostringstream out;
  node.visit(
      [&](const auto& value) { out << toml::json_formatter(value, toml::format_flags::none); });
  return std::move(out).str();
}

Status read_env(const Reader& reader, const toml::node& node, FunctionManifest& into) {
  THEMIS_TRY(const toml::table* env, reader.table(node, "env"));
  for (const auto& [name, value] : *env) {
    const std::string key(name.str());
    if (const auto* text = value.as_string()) {
      into.settings.texts.emplace(key, text->get());
    } else if (value.is_date() || value.is_time() || value.is_date_time()) {
      return reader.wrong(value.source(), key, "dates have no form in JSON: write a text");
    } else {
      into.settings.json.emplace(key, json_of(value));
    }
  }
  return {};
}

Status read_names(const Reader& reader, const toml::node& node, std::string_view table_name,
                  bundle::Settings::Texts& into) {
  THEMIS_TRY(const toml::table* table, reader.table(node, table_name));
  for (const auto& [name, value] : *table) {
    THEMIS_TRY(std::string target, reader.text(value, name.str()));
    into.emplace(name.str(), std::move(target));
  }
  return {};
}

Status read_limits(const Reader& reader, const toml::node& node, bundle::WantedLimits& into) {
  THEMIS_TRY(const toml::table* table, reader.table(node, "limits"));
  constexpr std::string_view kKnown[] = {"memory_mb", "cpu_ms", "wall_ms", "max_requests"};
  uint32_t* const fields[] = {&into.memory_mb, &into.cpu_ms, &into.wall_ms, &into.max_requests};
  for (const auto& [name, value] : *table) {
    const auto found = std::ranges::find(kKnown, name.str());
    if (found == std::end(kKnown)) return reader.unknown(name, kKnown);
    uint32_t& field = *fields[found - std::begin(kKnown)];
    THEMIS_TRY(field, reader.number(value, name.str()));
    if (field == 0) return reader.wrong(value.source(), name.str(), "must be at least 1");
  }
  return {};
}

Status read_crons(const Reader& reader, const toml::node& node, std::vector<std::string>& into) {
  THEMIS_TRY(const toml::array* list, reader.tables(node, "cron"));
  constexpr std::string_view kKnown[] = {"at"};
  for (const toml::node& entry : *list) {
    const toml::table& table = *entry.as_table();
    for (const auto& [name, value] : table)
      if (name.str() != kKnown[0]) return reader.unknown(name, kKnown);
    const toml::node* at = table.get(kKnown[0]);
    if (at == nullptr) return reader.wrong(entry.source(), "cron.at", "is missing");
    THEMIS_TRY(std::string line, reader.text(*at, "cron.at"));
    into.push_back(std::move(line));
  }
  std::ranges::sort(into);
  return {};
}

Status read_consumer(const Reader& reader, const toml::table& table,
                     std::map<std::string, bundle::Consumer>& into) {
  constexpr std::string_view kKnown[] = {"queue", "batch", "retries", "delay_s", "dead_letter"};
  bundle::Consumer consumer;
  std::string queue;
  for (const auto& [name, value] : table) {
    const auto small = [&](uint16_t& field) -> Status {
      THEMIS_TRY(const uint32_t number, reader.number(value, name.str()));
      if (number > std::numeric_limits<uint16_t>::max())
        return reader.wrong(value.source(), name.str(), "is too large");
      field = static_cast<uint16_t>(number);
      return {};
    };
    if (name.str() == kKnown[0]) {
      THEMIS_TRY(queue, reader.text(value, "consume.queue"));
    } else if (name.str() == kKnown[1]) {
      THEMIS_CHECK(small(consumer.batch));
    } else if (name.str() == kKnown[2]) {
      THEMIS_CHECK(small(consumer.retries));
    } else if (name.str() == kKnown[3]) {
      THEMIS_TRY(consumer.delay_s, reader.number(value, name.str()));
    } else if (name.str() == kKnown[4]) {
      THEMIS_TRY(consumer.dead_queue, reader.text(value, name.str()));
    } else {
      return reader.unknown(name, kKnown);
    }
  }
  if (queue.empty()) return reader.wrong(table.source(), "consume.queue", "is missing");
  if (!into.emplace(queue, consumer).second)
    return reader.wrong(table.source(), queue, "is consumed twice");
  return {};
}

Status read_key(const Reader& reader, const toml::key& key, const toml::node& node,
                FunctionManifest& into) {
  constexpr std::string_view kKnown[] = {"name",      "main",   "include",   "secrets",  "fetch",
                                         "instances", "env",    "functions", "services", "queues",
                                         "actors",    "limits", "cron",      "consume",  "remote"};
  const std::string_view name = key.str();
  bundle::Settings& settings = into.settings;
  if (name == "env") return read_env(reader, node, into);
  if (name == "functions") return read_names(reader, node, name, settings.functions);
  if (name == "services") return read_names(reader, node, name, settings.services);
  if (name == "queues") return read_names(reader, node, name, settings.queues);
  if (name == "actors") return read_names(reader, node, name, settings.actors);
  if (name == "limits") return read_limits(reader, node, settings.limits);
  if (name == "cron") return read_crons(reader, node, settings.crons);
  if (name == "consume") {
    THEMIS_TRY(const toml::array* list, reader.tables(node, name));
    for (const toml::node& entry : *list)
      THEMIS_CHECK(read_consumer(reader, *entry.as_table(), settings.consumers));
    return {};
  }
  if (name == "name" || name == "main") {
    THEMIS_TRY((name == "name" ? into.name : into.main), reader.text(node, name));
  } else if (name == "include" || name == "secrets") {
    THEMIS_TRY((name == "include" ? into.include : into.secrets), reader.texts(node, name));
  } else if (name == "fetch") {
    THEMIS_TRY(settings.fetch, reader.texts(node, name));
    std::ranges::sort(settings.fetch);
  } else if (name == "remote") {
    THEMIS_TRY(settings.remote, reader.texts(node, name));
    std::ranges::sort(settings.remote);
  } else if (name == "instances") {
    THEMIS_TRY(into.instances, reader.number(node, name));
  } else {
    return reader.unknown(key, kKnown);
  }
  return {};
}

}  // namespace

Result<FunctionManifest> parse_function_manifest(std::string_view text,
                                                 std::string_view file_name) {
  if (text.size() > kConfigBytesMax)
    return fail(Code::invalid, fmt::format("{}: has {} bytes; a manifest has at most {}", file_name,
                                           text.size(), kConfigBytesMax));
  FunctionManifest manifest;
  const Reader reader(file_name);
  try {
    const toml::table document = toml::parse(text);
    for (const auto& [key, node] : document) THEMIS_CHECK(read_key(reader, key, node, manifest));
  } catch (const toml::parse_error& error) {
    return reader.wrong(error.source(), "not TOML", error.description());
  }
  if (const Status checked = bundle::check(manifest.settings); !checked)
    return fail(Code::invalid, fmt::format("{}: {}", file_name, checked.error().detail));
  return manifest;
}

}  // namespace themis
