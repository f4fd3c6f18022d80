#pragma once
// What a function is given and what it is called for, as its manifest says: the half of a bundle
// that is no code.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/bytes.hpp"

namespace themis::bundle {

/// Names in env, of all kinds together: a handler's configuration, not a data set.
inline constexpr size_t kBindingsMax = 64;
inline constexpr size_t kBindingNameBytesMax = 64;
/// A text, a JSON value or a secret: keys and certificates fit; larger things are modules.
inline constexpr size_t kBindingBytesMax = 16 << 10;
inline constexpr size_t kCronsMax = 16;
inline constexpr size_t kConsumersMax = 16;
inline constexpr size_t kFetchHostsMax = 64;
/// Functions that a module opens to those of other owners.
inline constexpr size_t kRemotesMax = 64;
/// Of a DNS name with a wildcard and a port.
inline constexpr size_t kFetchHostBytesMax = 264;

/// Messages of one send, and of one call.
inline constexpr uint16_t kQueueBatchMax = 100;
/// Twelve hours.
inline constexpr uint32_t kQueueDelayMaxS = 43'200;

/// How a function takes the messages of one queue.
struct Consumer {
  uint16_t batch = 10;     ///< Messages of one call, 1..kQueueBatchMax.
  uint16_t retries = 3;    ///< Deliveries of a message after the first, 0..100.
  uint32_t delay_s = 10;   ///< Before the next delivery, 0..kQueueDelayMaxS; or as retry() says.
  std::string dead_queue;  ///< Where a message goes that was never accepted; empty: it is dropped.
  friend bool operator==(const Consumer&, const Consumer&) = default;
};

/// Limits that the function asks for; 0: the node's. A node never gives more than its own.
struct WantedLimits {
  uint32_t memory_mb = 0;
  uint32_t cpu_ms = 0;
  uint32_t wall_ms = 0;
  uint32_t max_requests = 0;
  friend bool operator==(const WantedLimits&, const WantedLimits&) = default;
};

/// Names are those in env, unique over all kinds.
struct Settings {
  using Texts = std::map<std::string, std::string>;
  Texts texts;
  Texts json;       ///< JSON texts; whether they parse is seen when the function is loaded.
  Texts secrets;    ///< In clear: between the one who deploys and the node, and in the isolate.
  Texts sealed;     ///< The same, sealed: what is stored, announced and fetched.
  Texts functions;  ///< To the name of a function.
  Texts services;   ///< To the name of a C++ service.
  Texts queues;     ///< To the name of the queue that is sent to.
  Texts actors;     ///< To the name of a class that the main module exports.
  std::map<std::string, Consumer> consumers;  ///< By the name of the queue.
  std::vector<std::string> crons;             ///< In ascending order, as cron.hpp reads them.
  std::vector<std::string> fetch;             ///< Hosts for outward fetch, in ascending order.
  std::vector<std::string> remote;  ///< Exported functions that all owners' may call; ascending.
  WantedLimits limits;
  friend bool operator==(const Settings&, const Settings&) = default;
};

/// Names, numbers, lengths and counts. Errors: invalid, too_large; one line that says which.
Status check(const Settings& settings);

/// "api.example.org", "*.example.org:8443", "192.0.2.1", "[2001:db8::1]:443": hosts for fetch.
bool is_host_pattern(std::string_view text);

/// [A-Za-z_$][A-Za-z0-9_$]{0,63}, but for `__proto__`: names in env and of actors' classes.
bool is_identifier(std::string_view name);
/// [a-z0-9_-]{1,64}: what functions and queues are called.
bool is_plain_name(std::string_view name);

}  // namespace themis::bundle
