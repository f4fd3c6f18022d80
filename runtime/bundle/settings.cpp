#include "runtime/bundle/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "runtime/bundle/cron.hpp"

namespace themis::bundle {
namespace {

constexpr size_t kPlainNameBytesMax = 64;
constexpr uint16_t kRetriesMax = 100;
constexpr size_t kSealBytes = 16;  // the tag of a sealed secret

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

Status check_bindings(const Settings& all) {
  std::set<std::string_view> seen{"STATE", "SERVICES"};
  const auto check_names = [&](const Settings::Texts& kind) -> Status {
    for (const auto& [name, value] : kind) {
      if (!is_identifier(name))
        return fail(Code::invalid, fmt::format("env: \"{}\" is no name: letters, digits, \"_\" and "
                                               "\"$\", at most {}, no digit first",
                                               name.substr(0, 80), kBindingNameBytesMax));
      if (!seen.insert(name).second)
        return fail(Code::invalid, fmt::format("env.{} is there twice", name));
      const size_t bytes_max = kBindingBytesMax + (&kind == &all.sealed ? kSealBytes : 0);
      if (value.size() > bytes_max)
        return fail(Code::too_large, fmt::format("env.{} has {} bytes; {} is the limit", name,
                                                 value.size(), bytes_max));
    }
    return {};
  };
  for (const auto* kind : {&all.texts, &all.json, &all.secrets, &all.sealed, &all.functions,
                           &all.services, &all.queues, &all.actors})
    THEMIS_CHECK(check_names(*kind));
  if (seen.size() - 2 > kBindingsMax)
    return fail(Code::too_large,
                fmt::format("env has {} names; {} is the limit", seen.size() - 2, kBindingsMax));
  return {};
}

Status check_plain(const char* what, const std::string& name) {
  if (is_plain_name(name)) return {};
  return fail(Code::invalid, fmt::format("{}: \"{}\" is no name: 1 to 64 characters out of a-z, "
                                         "0-9, \"_\" and \"-\"",
                                         what, name.substr(0, 80)));
}

Status check_consumers(const Settings& all) {
  if (all.consumers.size() > kConsumersMax)
    return fail(Code::too_large, fmt::format("{} consumed queues; {} is the limit",
                                             all.consumers.size(), kConsumersMax));
  for (const auto& [queue, consumer] : all.consumers) {
    THEMIS_CHECK(check_plain("a consumed queue", queue));
    if (consumer.batch == 0 || consumer.batch > kQueueBatchMax || consumer.retries > kRetriesMax ||
        consumer.delay_s > kQueueDelayMaxS)
      return fail(Code::invalid,
                  fmt::format("the queue {}: batch is 1 to {}, retries 0 to {}, delay_s 0 to {}",
                              queue, kQueueBatchMax, kRetriesMax, kQueueDelayMaxS));
    if (consumer.dead_queue.empty()) continue;
    THEMIS_CHECK(check_plain("a dead-letter queue", consumer.dead_queue));
    if (consumer.dead_queue == queue)
      return fail(Code::invalid, fmt::format("the queue {} is its own dead-letter queue", queue));
  }
  return {};
}

Status check_lists(const Settings& all) {
  if (all.crons.size() > kCronsMax)
    return fail(Code::too_large,
                fmt::format("{} cron lines; {} is the limit", all.crons.size(), kCronsMax));
  for (const std::string& line : all.crons) THEMIS_CHECK(Cron::parse(line));
  if (all.fetch.size() > kFetchHostsMax)
    return fail(Code::too_large, fmt::format("{} hosts in fetch; {} is the limit", all.fetch.size(),
                                             kFetchHostsMax));
  for (const std::string& host : all.fetch)
    if (!is_host_pattern(host))
      return fail(Code::invalid,
                  fmt::format("fetch: \"{}\" is no host: \"api.example.org\", "
                              "\"*.example.org:8443\", in lower case, without a scheme",
                              host.substr(0, 80)));
  if (all.remote.size() > kRemotesMax)
    return fail(Code::too_large,
                fmt::format("{} names in remote; {} is the limit", all.remote.size(), kRemotesMax));
  for (const std::string& name : all.remote)
    if (!is_identifier(name) || name == "default")
      return fail(Code::invalid, fmt::format("remote: \"{}\" is no name of an exported function",
                                             name.substr(0, 80)));
  const auto ascends = [](const std::vector<std::string>& list) {
    return std::ranges::adjacent_find(list, std::greater_equal{}) == list.end();
  };
  if (!ascends(all.crons) || !ascends(all.fetch) || !ascends(all.remote))
    return fail(Code::invalid, "cron lines, fetch hosts and remote are sorted, each there once");
  return {};
}

}  // namespace

bool is_host_pattern(std::string_view text) {
  if (text.size() > kFetchHostBytesMax) return false;
  if (text.starts_with("*.")) text.remove_prefix(2);
  const size_t host_end =
      text.starts_with('[') ? std::min(text.find(']'), text.size() - 1) + 1 : text.find(':');
  const std::string_view host = text.substr(0, host_end);
  const std::string_view rest = text.substr(host.size());
  const bool is_v6 = host.starts_with('[');
  const auto allowed = [is_v6](char c) {
    if (is_v6) return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '[' || c == ']';
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
  };
  if (host.empty() || host == "[]" || (is_v6 && !host.ends_with(']')) || host.starts_with('.') ||
      host.find("..") != std::string_view::npos || !std::ranges::all_of(host, allowed))
    return false;
  if (rest.empty()) return true;
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), port);
  return rest.front() == ':' && error == std::errc{} && end == rest.data() + rest.size() &&
         port != 0;
}

/// An identifier of JavaScript, so that `env.NAME` and `const { NAME } = env` work; the one that
/// would change what env inherits is none.
bool is_identifier(std::string_view name) {
  const auto starts = [](char c) { return is_letter(c) || c == '_' || c == '$'; };
  return !name.empty() && name.size() <= kBindingNameBytesMax && name != "__proto__" &&
         starts(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return starts(c) || is_digit(c); });
}

bool is_plain_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kPlainNameBytesMax && std::ranges::all_of(name, allowed);
}

Status check(const Settings& settings) {
  THEMIS_CHECK(check_bindings(settings));
  for (const auto& [name, function] : settings.functions)
    THEMIS_CHECK(check_plain("a function in env", function));
  for (const auto& [name, queue] : settings.queues)
    THEMIS_CHECK(check_plain("a queue in env", queue));
  for (const auto& [name, service] : settings.services)
    if (service.empty() || service.size() > kPlainNameBytesMax)
      return fail(Code::invalid, fmt::format("env.{}: a service's name has 1 to 64 bytes", name));
  for (const auto& [name, class_name] : settings.actors)
    if (!is_identifier(class_name) || class_name == "default")
      return fail(Code::invalid, fmt::format("actors: env.{}: \"{}\" is no name of a class", name,
                                             class_name.substr(0, 80)));
  THEMIS_CHECK(check_consumers(settings));
  return check_lists(settings);
}

}  // namespace themis::bundle
