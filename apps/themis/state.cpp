// state get, put, delete, cas, list: verified state through a node's gateway.

#include <fmt/format.h>

#include "apps/themis/gateway.hpp"
#include "apps/themis/output.hpp"
#include "runtime/base/bytes.hpp"

namespace themis::cli {
namespace {

using http::Json;

/// The answer of POST /v1/state/NAMESPACE.
Maybe<Json> ask(const Connection& to, const State& what, Json body) {
  if (what.wait) body["wait"] = true;
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  auto answer =
      gateway->ask("POST", "/v1/state/" + escaped_segment(what.name_space), http::to_text(body));
  if (answer && to.json) print_line(http::to_text(*answer));
  return answer;
}

/// Any bytes; null when they are absent.
Json value_of(const std::string& bytes) { return {{"hex", to_hex(as_bytes(bytes))}}; }

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  const auto bytes = from_hex(http::string_or(value, "hex", ""));
  return bytes ? std::string(as_text(*bytes)) : std::string();
}

bool is_done(const Json& answer) { return answer.is_object() && answer.value("done", false); }

/// "epoch 7, certified" on a terminal: the rest of the output is data.
void print_epoch(const Connection& to, const Json& answer) {
  if (to.json || !is_terminal()) return;
  print_line(fmt::format("epoch {}, {}", http::integer_or(answer, "epoch", 0),
                         answer.value("certified", false) ? "certified" : "not certified yet"));
}

std::string named(const State& what) {
  return printable(fmt::format("\"{}\" in {}", what.key, what.name_space));
}

}  // namespace

Outcome state_get(const Connection& to, const State& what) {
  const auto answer = ask(to, what, {{"op", "get"}, {"key", what.key}});
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (!is_done(*answer)) return failed("no key " + named(what));
  if (to.json) return {};
  print_raw(text_of(answer->at("value")));
  if (is_terminal()) print_raw("\n");
  return {};
}

Outcome state_put(const Connection& to, const State& what) {
  const auto value = read_argument(what.value);
  if (!value) return tl::unexpected<Failure>(value.error());
  const auto answer =
      ask(to, what, {{"op", "put"}, {"key", what.key}, {"value", value_of(*value)}});
  if (!answer) return tl::unexpected<Failure>(answer.error());
  print_epoch(to, *answer);
  return {};
}

Outcome state_delete(const Connection& to, const State& what) {
  const auto answer = ask(to, what, {{"op", "delete"}, {"key", what.key}});
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (!is_done(*answer)) return failed("no key " + named(what));
  print_epoch(to, *answer);
  return {};
}

Outcome state_cas(const Connection& to, const State& what) {
  const auto value = read_argument(what.value);
  if (!value) return tl::unexpected<Failure>(value.error());
  Json expected;
  if (what.expected) {
    const auto bytes = read_argument(*what.expected);
    if (!bytes) return tl::unexpected<Failure>(bytes.error());
    expected = value_of(*bytes);
  }
  const auto answer = ask(to, what,
                          {{"op", "cas"},
                           {"key", what.key},
                           {"expected", std::move(expected)},
                           {"value", value_of(*value)}});
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (!is_done(*answer)) return failed(named(what) + " is not what was expected; nothing changed");
  print_epoch(to, *answer);
  return {};
}

Outcome state_list(const Connection& to, const State& what) {
  const auto answer = ask(to, what, {{"op", "list"}, {"prefix", what.key}, {"after", what.after}});
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (to.json) return {};
  Table table({"KEY", "VALUE"});
  std::string last;
  for (const Json& entry : http::array_or_empty(*answer, "entries")) {
    last = http::string_or(entry, "key", "?");
    table.add({last, text_of(entry.value("value", Json()))});
  }
  table.print("no keys");
  if (answer->value("more", false)) print_line("more: --after " + printable(last));
  return {};
}

}  // namespace themis::cli
