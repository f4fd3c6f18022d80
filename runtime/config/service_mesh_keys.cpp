// The keys of [[route]] and [[allow]], and the rules over several of them.

#include "runtime/config/key_kinds.hpp"

namespace themis::config {
namespace {

constexpr size_t kPatternBytesMax = 128;  // as long as a name on the ring can be
constexpr size_t kTextBytesMax = 64;      // over what an instance may announce
constexpr size_t kMethodsMax = 64;        // looked through for every call
constexpr size_t kNodeIdDigits = 64;      // all: who makes keys finds one for a few soon

Status check_pattern(std::string_view pattern) {
  if (pattern.empty()) return fail(Code::invalid, "must not be empty");
  THEMIS_CHECK(check_text(pattern, kPatternBytesMax));
  if (const size_t star = pattern.find('*'); star < pattern.size() - 1)
    return fail(Code::invalid, in_quotes(pattern) + " has a \"*\" that is not at its end");
  return {};
}

template <auto Table, auto Field>
Key pattern(std::string_view table, std::string_view name) {
  Key key = text<Table, Field, kPatternBytesMax>(table, name);
  key.set = [](Config& config, const Value& value) -> Status {
    THEMIS_CHECK(check_pattern(std::get<std::string>(value)));
    field_of<Table, Field>(config) = std::get<std::string>(value);
    return {};
  };
  return key;
}

Status set_caller(Config& config, const Value& value) {
  const std::string& caller = std::get<std::string>(value);
  const bool is_hex = caller.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (caller != "any" && (caller.size() != kNodeIdDigits || !is_hex))
    return fail(Code::invalid, in_quotes(caller) +
                                   " is neither \"any\" nor the 64 digits of a node id "
                                   "(themis id prints them)");
  config.allows.back().caller = caller;
  return {};
}

Status set_methods(Config& config, const Value& value) {
  const auto& methods = std::get<std::vector<std::string>>(value);
  if (methods.size() > kMethodsMax)
    return fail(Code::invalid, fmt::format("has {} entries; at most {} are looked through",
                                           methods.size(), kMethodsMax));
  for (const std::string& method : methods) {
    if (method.empty()) return fail(Code::invalid, "an entry is empty; an empty list means all");
    THEMIS_CHECK(check_text(method, kTextBytesMax));
  }
  config.allows.back().methods = methods;
  return {};
}

constexpr Word<Balance> word_of(Balance policy) { return {themis::name(policy), policy}; }
constexpr Word<Balance> kPolicies[] = {word_of(Balance::random), word_of(Balance::weighted),
                                       word_of(Balance::least_loaded), word_of(Balance::latency)};

constexpr Range kRetries{0, 8, "each one makes the caller wait longer"};
constexpr Range kPercent{0, 100, "it is a share"};
constexpr Range kPerSecond{0, 1'000'000, "a node takes fewer calls in a second"};
constexpr Range kTimeout{0, 900'000, "a caller waits 15 minutes at most"};
constexpr Range kFailures{0, 10'000, "it should be seen before the callers give up"};
constexpr Range kPeriod{0, 600'000, "what is looked at less often is not looked at"};
constexpr Range kCheckTimeout{10, 60'000, "a check is one small message"};
constexpr Range kChecks{1, 100, "it should be seen before the callers give up"};
constexpr Range kPause{10, 600'000, "it doubles up to 64 times that"};

using R = RouteConfig;
constexpr auto kRoutes = &Config::routes;

}  // namespace

std::span<const Key> service_mesh_keys() {
  static const Key table[] = {
      pattern<kRoutes, &R::name>("route", "name"),
      word<kRoutes, &R::policy, kPolicies>("route", "policy"),
      boolean<kRoutes, &R::idempotent>("route", "idempotent"),
      number<kRoutes, &R::retries, kRetries>("route", "retries"),
      number<kRoutes, &R::retry_budget_percent, kPercent>("route", "retry_budget.percent"),
      number<kRoutes, &R::retry_budget_per_s, kPerSecond>("route", "retry_budget.per_s"),
      number<kRoutes, &R::timeout_ms, kTimeout>("route", "timeout_ms"),
      boolean<kRoutes, &R::hedge>("route", "hedge"),
      number<kRoutes, &R::breaker_failures, kFailures>("route", "breaker.failures"),
      number<kRoutes, &R::breaker_open_ms, kPause>("route", "breaker.open_ms"),
      number<kRoutes, &R::eject_failures, kFailures>("route", "eject.failures"),
      number<kRoutes, &R::eject_below_percent, kPercent>("route", "eject.below_percent"),
      number<kRoutes, &R::eject_ms, kPause>("route", "eject.ms"),
      number<kRoutes, &R::health_period_ms, kPeriod>("route", "health_check.period_ms"),
      number<kRoutes, &R::health_timeout_ms, kCheckTimeout>("route", "health_check.timeout_ms"),
      number<kRoutes, &R::health_unhealthy_after, kChecks>("route", "health_check.unhealthy_after"),
      number<kRoutes, &R::health_healthy_after, kChecks>("route", "health_check.healthy_after"),
      number<kRoutes, &R::rate_per_s, kPerSecond>("route", "rate.per_s"),
      number<kRoutes, &R::rate_burst, kPerSecond>("route", "rate.burst"),
      text<kRoutes, &R::canary_version, kTextBytesMax, true>("route", "canary.version"),
      text<kRoutes, &R::canary_label, kTextBytesMax, true>("route", "canary.label"),
      number<kRoutes, &R::canary_percent, kPercent>("route", "canary.percent"),
      text<kRoutes, &R::mirror_to, kPatternBytesMax, true>("route", "mirror.to"),
      number<kRoutes, &R::mirror_percent, kPercent>("route", "mirror.percent"),
      {"allow", "caller", Kind::text, set_caller,
       [](const Config& config) { return Value(config.allows.back().caller); }},
      pattern<&Config::allows, &AllowConfig::service>("allow", "service"),
      {"allow", "methods", Kind::list, set_methods,
       [](const Config& config) { return Value(config.allows.back().methods); }},
  };
  return table;
}

bool consistent(const RouteConfig& route, Conflict& conflict) {
  const bool has_canary = !route.canary_version.empty() || !route.canary_label.empty();
  if (!route.canary_version.empty() && !route.canary_label.empty()) {
    conflict = {"route.canary", "is told by a version or by a label, not by both"};
  } else if (has_canary != (route.canary_percent > 0)) {
    conflict = {"route.canary", "needs a version or label, and a percent over 0"};
  } else if (!route.canary_label.empty() && route.canary_label.find('=') == std::string::npos) {
    conflict = {"route.canary.label", in_quotes(route.canary_label) + " is not \"key=value\""};
  } else if (route.mirror_to.empty() != (route.mirror_percent == 0)) {
    conflict = {"route.mirror", "needs a name, and a percent over 0"};
  } else if (route.rate_burst > 0 && route.rate_per_s == 0) {
    conflict = {"route.rate", "has a burst but no per_s"};
  } else {
    return true;
  }
  return false;
}

}  // namespace themis::config
