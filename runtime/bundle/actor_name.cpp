#include "runtime/bundle/actor_name.hpp"

#include <charconv>

#include "runtime/bundle/settings.hpp"
#include "runtime/crypto/hash.hpp"

namespace themis::bundle {
namespace {

constexpr size_t kKeyDigits = 32;

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

Status check(const ActorName& actor) {
  if (!is_identifier(actor.class_name)) return fail(Code::invalid, "no name of an actor's class");
  if (actor.id.empty()) return fail(Code::invalid, "an actor's id is not empty");
  if (actor.id.size() > kActorIdBytesMax)
    return fail(Code::too_large, "an actor's id has at most " + std::to_string(kActorIdBytesMax) +
                                     " bytes, not " + std::to_string(actor.id.size()));
  return {};
}

ActorHome actor_home(std::string_view function, const ActorName& actor) {
  crypto::Hasher hasher("themis/actor/v1");
  const crypto::Digest digest =
      hasher.add_framed(as_bytes(actor.class_name)).add_framed(as_bytes(actor.id)).finish();
  ActorHome home;
  home.key = to_hex(digest).substr(0, kKeyDigits);
  home.name_space = std::string(function) + "." + home.key[0];
  return home;
}

bool is_actor_space(std::string_view name_space) {
  if (name_space.size() < 3 || !is_hex_digit(name_space.back())) return false;
  name_space.remove_suffix(1);
  if (name_space.back() != '.') return false;
  name_space.remove_suffix(1);
  return name_space.size() <= kActorFunctionBytesMax && is_plain_name(name_space);
}

Result<Alarm> parse_alarm(std::string_view text) {
  Alarm alarm;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), alarm.at_ms);
  std::string_view rest = text.substr(static_cast<size_t>(end - text.data()));
  const size_t space = rest.find(' ', 1);
  if (error != std::errc{} || alarm.at_ms < 0 || !rest.starts_with(' ') ||
      space == std::string_view::npos)
    return fail(Code::malformed, "not an actor's alarm");
  alarm.actor = {std::string(rest.substr(1, space - 1)), std::string(rest.substr(space + 1))};
  THEMIS_CHECK(check(alarm.actor));
  return alarm;
}

std::string alarm_key(const ActorHome& home) { return std::string(kAlarmPrefix) + home.key; }

}  // namespace themis::bundle
