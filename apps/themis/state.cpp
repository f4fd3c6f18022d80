// state get, put, delete, cas, list, key: verified state through a node's gateway.

#include <fmt/format.h>

#include "apps/themis/gateway.hpp"
#include "apps/themis/output.hpp"
#include "apps/themis/state_client.hpp"
#include "runtime/crypto/crypto.hpp"

namespace themis::cli {
namespace {

using http::Json;

StateCall call_of(const State& what, StateOp op) {
  StateCall call;
  call.op = op;
  call.name_space = what.name_space;
  call.key = what.key;
  return call;
}

/// The answer of POST /v1/state/NAMESPACE.
Maybe<StateAnswer> post(Gateway& gateway, StateCall call, bool wait) {
  const std::string path = "/v1/state/" + escaped_segment(call.name_space);
  const auto text =
      gateway.manage("POST", path, state_ask_json({std::move(call), wait}), "application/json");
  if (!text) return tl::unexpected<Failure>(text.error());
  auto answer = parse_state_answer(*text);
  if (!answer)
    return failed("what the gateway answers is no answer of the state: " + answer.error().detail);
  return std::move(*answer);
}

/// Where the key is a client of the run that answers now: as it was, or registered for it.
Maybe<StateSeat> take_seat(Gateway& gateway, const ClientFile& file, const State& what) {
  const auto told = post(gateway, call_of(what, StateOp::describe), false);
  if (!told) return tl::unexpected<Failure>(told.error());
  const auto before = file.seat(what.name_space);
  if (!before) return tl::unexpected<Failure>(before.error());
  if (*before && told->instance && (*before)->instance.id == told->instance->id) return **before;
  StateCall join = call_of(what, StateOp::join);
  join.key.clear();
  join.value.assign(file.key().share().bytes.begin(), file.key().share().bytes.end());
  const auto joined = post(gateway, std::move(join), false);
  if (!joined) return tl::unexpected<Failure>(joined.error());
  if (!joined->instance || !joined->client)
    return failed("the gateway does not say what the key was registered with");
  if (*before && (*before)->instance.signing != joined->instance->signing)
    return failed(
        fmt::format("{} is kept by a store with another key, {}, than before, {}; if that "
                    "is right, remove {}",
                    what.name_space, to_hex(joined->instance->signing.view()),
                    to_hex((*before)->instance.signing.view()), file.calls_path()));
  return StateSeat{*joined->instance, *joined->client, 0};
}

/// Signed with the file's key; only what a monitor answered is passed on.
Maybe<StateAnswer> ask_as_client(Gateway& gateway, const State& what, StateCall& call, bool wait) {
  crypto::init();
  const auto file = ClientFile::open(what.client);
  if (!file) return tl::unexpected<Failure>(file.error());
  const auto seat = take_seat(gateway, *file, what);
  if (!seat) return tl::unexpected<Failure>(seat.error());
  StateClient client(file->key(), *seat);
  if (const Status made = client.sign(call); !made) return failed(made.error().detail);
  if (auto kept = file->keep(what.name_space, client.seat()); !kept)
    return tl::unexpected<Failure>(kept.error());
  auto answer = post(gateway, call, wait);
  if (!answer) return answer;
  if (const Status checked = client.check(call, *answer); !checked)
    return failed("the answer is no monitor's: " + checked.error().detail);
  if (wait && !answer->certified)
    return failed("the gateway did not wait for a certificate; ask again");
  return answer;
}

/// For a receipt that the node got in its own name.
Outcome check_receipt(const StateCall& call, StateAnswer& answer) {
  const auto shown = receipts::Receipt::parse(answer.receipt->transferable);
  Status checked = shown ? check_is_of(*shown, call) : fail(shown.error());
  if (checked) checked = read_result(shown->result, answer);
  if (!checked) return failed("the node's receipt is none: " + checked.error().detail);
  return {};
}

Outcome write_receipt(const State& what, const StateCall& call, StateAnswer& answer) {
  if (!answer.receipt || answer.receipt->transferable.empty())
    return failed("the node gave no receipt; ask again");
  if (what.client.empty())
    if (auto checked = check_receipt(call, answer); !checked) return checked;
  const Status written = write_private_file(what.receipt, as_bytes(answer.receipt->transferable));
  if (!written) return failed(written.error().detail);
  return {};
}

void print_json(const State& what, const StateCall& call, const StateAnswer& answer) {
  auto json = http::parse_json(state_answer_json(call, answer));
  if (!json) return;
  if (!what.client.empty()) (*json)["verified"] = true;
  print_line(http::to_text(*json));
}

Maybe<StateAnswer> ask(const Connection& to, const State& what, StateCall call) {
  const bool wait = what.wait || !what.receipt.empty();
  call.receipt = !what.receipt.empty() || !what.client.empty();
  call.transferable = call.receipt && wait;
  if (const Status checked = check_state_call(call); !checked)
    return failed(checked.error().detail);
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  auto answer =
      what.client.empty() ? post(*gateway, call, wait) : ask_as_client(*gateway, what, call, wait);
  if (!answer) return answer;
  if (!what.receipt.empty())
    if (auto written = write_receipt(what, call, *answer); !written)
      return tl::unexpected<Failure>(written.error());
  if (to.json) {
    print_json(what, call, *answer);
  } else if (!what.client.empty()) {
    std::fprintf(stderr, "verified: a monitor answered this call, in epoch %u, %s\n", answer->epoch,
                 answer->certified ? "certified" : "not certified yet");
  }
  return answer;
}

/// "epoch 7, certified" on a terminal: the rest of the output is data.
void print_epoch(const Connection& to, const StateAnswer& answer) {
  if (to.json || !is_terminal()) return;
  print_line(fmt::format("epoch {}, {}", answer.epoch,
                         answer.certified ? "certified" : "not certified yet"));
}

std::string named(const State& what) {
  return printable(fmt::format("\"{}\" in {}", what.key, what.name_space));
}

std::string text_of(const std::optional<Bytes>& value) {
  return value ? std::string(as_text(*value)) : std::string();
}

}  // namespace

Outcome state_get(const Connection& to, const State& what) {
  const auto answer = ask(to, what, call_of(what, StateOp::get));
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (!answer->done) return failed("no key " + named(what));
  if (to.json) return {};
  print_raw(text_of(answer->value));
  if (is_terminal()) print_raw("\n");
  return {};
}

Outcome state_put(const Connection& to, const State& what) {
  const auto value = read_argument(what.value);
  if (!value) return tl::unexpected<Failure>(value.error());
  StateCall call = call_of(what, StateOp::put);
  call.value = to_bytes(*value);
  const auto answer = ask(to, what, std::move(call));
  if (!answer) return tl::unexpected<Failure>(answer.error());
  print_epoch(to, *answer);
  return {};
}

Outcome state_delete(const Connection& to, const State& what) {
  const auto answer = ask(to, what, call_of(what, StateOp::remove));
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (!answer->done) return failed("no key " + named(what));
  print_epoch(to, *answer);
  return {};
}

Outcome state_cas(const Connection& to, const State& what) {
  const auto value = read_argument(what.value);
  if (!value) return tl::unexpected<Failure>(value.error());
  StateCall call = call_of(what, StateOp::cas);
  call.value = to_bytes(*value);
  if (what.expected) {
    const auto bytes = read_argument(*what.expected);
    if (!bytes) return tl::unexpected<Failure>(bytes.error());
    call.expected = to_bytes(*bytes);
  }
  const auto answer = ask(to, what, std::move(call));
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (!answer->done) return failed(named(what) + " is not what was expected; nothing changed");
  print_epoch(to, *answer);
  return {};
}

Outcome state_list(const Connection& to, const State& what) {
  StateCall call = call_of(what, StateOp::list);
  call.after = what.after;
  const auto answer = ask(to, what, std::move(call));
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (to.json) return {};
  Table table({"KEY", "VALUE"});
  for (const StateEntry& entry : answer->entries)
    table.add({entry.key, std::string(as_text(entry.value))});
  table.print("no keys");
  if (answer->more) print_line("more: --after " + printable(answer->entries.back().key));
  return {};
}

Outcome state_key(const Connection& to, const State& what) {
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  const auto answer = post(*gateway, call_of(what, StateOp::describe), false);
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (!answer->instance)
    return failed("the gateway does not say which store keeps " + printable(what.name_space));
  const std::string key = to_hex(answer->instance->signing.view());
  print_line(to.json ? http::to_text(Json{{"key", key}}) : key);
  return {};
}

}  // namespace themis::cli
