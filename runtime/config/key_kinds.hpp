#pragma once
// The kinds of keys that several tables of mesh.toml have. Private to runtime/config.

#include <fmt/format.h>

#include <algorithm>

#include "runtime/config/keys.hpp"

namespace themis::config {

inline std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text); }

/// The field of a table; of a list of tables it is the last one's, the one being read.
template <auto Table, auto Field>
auto& field_of(auto& config) {
  auto& table = config.*Table;
  if constexpr (requires { table.back(); }) {
    return table.back().*Field;
  } else {
    return table.*Field;
  }
}

/// Why a number has the bounds it has; shown when one is passed.
struct Range {
  int64_t low;
  int64_t high;
  const char* reason;
};

template <auto Table, auto Field, const Range& kRange>
Key number(std::string_view table, std::string_view name) {
  return {table, name, Kind::number,
          [](Config& config, const Value& value) -> Status {
            const int64_t number = std::get<int64_t>(value);
            if (number < kRange.low || number > kRange.high)
              return fail(Code::invalid, fmt::format("{} is outside {} to {}: {}", number,
                                                     kRange.low, kRange.high, kRange.reason));
            field_of<Table, Field>(config) = static_cast<uint32_t>(number);
            return {};
          },
          [](const Config& config) { return Value(int64_t{field_of<Table, Field>(config)}); }};
}

template <auto Table, auto Field>
Key boolean(std::string_view table, std::string_view name) {
  return {table, name, Kind::boolean,
          [](Config& config, const Value& value) -> Status {
            field_of<Table, Field>(config) = std::get<bool>(value);
            return {};
          },
          [](const Config& config) { return Value(bool{field_of<Table, Field>(config)}); }};
}

/// Text for people and logs. Errors: invalid.
inline Status check_text(std::string_view text, size_t bytes_max) {
  if (text.size() > bytes_max)
    return fail(Code::invalid, fmt::format("has {} bytes; at most {}", text.size(), bytes_max));
  const bool printable = std::ranges::all_of(
      text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
  if (!printable) return fail(Code::invalid, "holds a control character");
  return {};
}

template <auto Table, auto Field, size_t kBytesMax, bool kMayBeEmpty = false>
Key text(std::string_view table, std::string_view name) {
  return {table, name, Kind::text,
          [](Config& config, const Value& value) -> Status {
            const std::string& given = std::get<std::string>(value);
            if (given.empty() && !kMayBeEmpty) return fail(Code::invalid, "must not be empty");
            THEMIS_CHECK(check_text(given, kBytesMax));
            field_of<Table, Field>(config) = given;
            return {};
          },
          [](const Config& config) { return Value(field_of<Table, Field>(config)); }};
}

template <class Enum>
struct Word {
  std::string_view word;
  Enum value;
};

/// Words that mean something, but not in this build. Errors: invalid.
Status check_known_word(std::string_view word);

template <auto Table, auto Field, const auto& kWords>
Key word(std::string_view table, std::string_view name) {
  return {table, name, Kind::text,
          [](Config& config, const Value& value) -> Status {
            const std::string& given = std::get<std::string>(value);
            const auto found = std::ranges::find(kWords, given, [](auto& w) { return w.word; });
            if (found != std::end(kWords)) {
              field_of<Table, Field>(config) = found->value;
              return {};
            }
            if (const Status known = check_known_word(given); !known) return known;
            std::string choice;
            for (const auto& w : kWords) choice += (choice.empty() ? "" : ", ") + in_quotes(w.word);
            return fail(Code::invalid, in_quotes(given) + " is not one of " + choice);
          },
          [](const Config& config) {
            const auto found = std::ranges::find(kWords, field_of<Table, Field>(config),
                                                 [](auto& w) { return w.value; });
            return Value(std::string(found->word));
          }};
}

/// Errors: invalid.
inline Result<net::Address> parse_address(std::string_view text) {
  auto address = net::Address::parse(text);
  if (!address) return fail(Code::invalid, address.error().detail);
  return address;
}

/// An address that may be "", which means none.
template <auto Table, auto Field>
Key optional_address(std::string_view table, std::string_view name) {
  return {table, name, Kind::text,
          [](Config& config, const Value& value) -> Status {
            auto& field = field_of<Table, Field>(config);
            field.reset();
            if (std::get<std::string>(value).empty()) return {};
            THEMIS_TRY(field, parse_address(std::get<std::string>(value)));
            return {};
          },
          [](const Config& config) {
            const auto& field = field_of<Table, Field>(config);
            return Value(field ? field->text() : std::string());
          }};
}

inline constexpr size_t kPathBytesMax = 1024;  // far under PATH_MAX: file names can be appended

/// [oyster], and a rule over its keys.
std::span<const Key> oyster_keys();
bool consistent_oyster(const Config& config, Conflict& conflict);

/// [[route]] and [[allow]].
std::span<const Key> service_mesh_keys();

}  // namespace themis::config
