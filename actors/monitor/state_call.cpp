#include "actors/monitor/state_call.hpp"

#include <algorithm>
#include <array>
#include "enclave/receipts/keys.hpp"

#include "runtime/bundle/actor_name.hpp"
#include "runtime/http/json.hpp"

namespace themis {
namespace {

using http::Json;

constexpr int kAskDepthMax = 4;

/// By character: a-z, 0-9, "_" and "-".
constexpr std::array<bool, 256> kIsNamespace = [] {
  std::array<bool, 256> is{};
  for (const char each : std::string_view("abcdefghijklmnopqrstuvwxyz0123456789_-"))
    is[static_cast<uint8_t>(each)] = true;
  return is;
}();

struct OpName {
  StateOp op;
  std::string_view name;
};
constexpr OpName kOps[] = {
    {StateOp::get, "get"},           {StateOp::put, "put"},
    {StateOp::remove, "delete"},     {StateOp::cas, "cas"},
    {StateOp::list, "list"},         {StateOp::transaction, "transaction"},
    {StateOp::describe, "describe"}, {StateOp::join, "register"},
};

bool is_of_the_run(StateOp op) { return op == StateOp::describe || op == StateOp::join; }

/// A text, or {"hex": text}.
Result<Bytes> read_value(const Json& value) {
  if (value.is_string()) return to_bytes(value.get<std::string>());
  if (value.is_object() && value.size() == 1 && value.contains("hex") &&
      value.at("hex").is_string())
    return from_hex(value.at("hex").get<std::string>());
  return fail(Code::malformed, "a value is a text or {\"hex\": text}");
}
Result<std::optional<Bytes>> read_optional_value(const Json& value) {
  if (value.is_null()) return std::nullopt;
  THEMIS_TRY(Bytes bytes, read_value(value));
  return std::optional(std::move(bytes));
}

Result<StateChange> read_change(const Json& json) {
  if (!json.is_object() || !json.contains("key") || !json.at("key").is_string())
    return fail(Code::malformed, "a change is an object with \"key\", a text");
  StateChange change;
  change.key = json.at("key").get<std::string>();
  change.checks = json.contains("expected");
  if (change.checks) {
    THEMIS_TRY(change.expected, read_optional_value(json.at("expected")));
  }
  change.writes = json.contains("value");
  if (change.writes) {
    THEMIS_TRY(change.value, read_optional_value(json.at("value")));
  }
  return change;
}

/// A text where it is one, else {"hex": text}.
Json value_json(const Bytes& value) {
  Json text = std::string(as_text(value));
  try {
    (void)text.dump();
  } catch (const Json::exception&) {
    return {{"hex", to_hex(value)}};
  }
  return text;
}

template <size_t N>
Status read_hex(const Json& from, const char* name, std::array<std::byte, N>& to) {
  const auto bytes = from_hex(http::string_or(from, name, ""));
  if (!bytes || bytes->size() != N)
    return fail(Code::malformed, std::string("\"") + name + "\" has " + std::to_string(2 * N) +
                                     " hexadecimal digits");
  std::memcpy(to.data(), bytes->data(), N);
  return {};
}

/// A whole number of at most `max`.
Result<uint64_t> read_number(const Json& from, const char* name, uint64_t max) {
  if (from.is_object() && from.contains(name) && from.at(name).is_number_unsigned())
    if (const auto number = from.at(name).get<uint64_t>(); number <= max) return number;
  return fail(Code::malformed,
              std::string("\"") + name + "\" is a number of at most " + std::to_string(max));
}

Status read_caller(const Json& body, StateCall& call) {
  call.receipt = body.contains("receipt") && body.at("receipt") == Json(true);
  if (!body.contains("caller")) return {};
  const Json& from = body.at("caller");
  StateCaller caller;
  THEMIS_CHECK(read_hex(from, "instance", caller.instance));
  THEMIS_CHECK(read_hex(from, "tag", caller.tag));
  THEMIS_TRY(const uint64_t client, read_number(from, "client", receipts::kNoClient - 1));
  THEMIS_TRY(caller.nonce, read_number(from, "nonce", UINT64_MAX));
  caller.client = static_cast<uint16_t>(client);
  call.caller = std::make_shared<const StateCaller>(caller);
  return {};
}

Json caller_json(const StateCaller& caller) {
  return {{"instance", to_hex(caller.instance)},
          {"client", caller.client},
          {"nonce", caller.nonce},
          {"tag", to_hex(caller.tag)}};
}

Json receipt_json(const StateReceipt& receipt) {
  Json out = {{"thread", receipt.thread},
              {"position", receipt.position},
              {"operation", to_hex(receipt.operation)}};
  if (!receipt.transferable.empty()) out["transferable"] = receipt.transferable;
  return out;
}

Status read_receipt(const Json& from, StateAnswer& answer) {
  StateReceipt receipt;
  THEMIS_TRY(const uint64_t thread, read_number(from, "thread", UINT16_MAX));
  receipt.thread = static_cast<uint16_t>(thread);
  THEMIS_TRY(receipt.position, read_number(from, "position", UINT64_MAX));
  THEMIS_TRY(receipt.operation, from_hex(http::string_or(from, "operation", "")));
  receipt.transferable = http::string_or(from, "transferable", "");
  answer.receipt = std::make_shared<const StateReceipt>(std::move(receipt));
  return {};
}

/// Both ways of computing AES-128-CMAC give the same MACs: which one is each side's own.
constexpr std::string_view kCmac = "aes-128-cmac";
constexpr std::string_view kSiphash = "siphash-2-4-128";

Json instance_json(const receipts::Instance& instance) {
  return {{"id", to_hex(instance.id)},
          {"threads", instance.threads},
          {"mac", instance.prf == crypto::PrfKind::siphash ? kSiphash : kCmac},
          {"agreement", to_hex(instance.agreement.view())},
          {"key", to_hex(instance.signing.view())}};
}

Status read_instance(const Json& from, StateAnswer& answer) {
  receipts::Instance made;
  THEMIS_CHECK(read_hex(from, "id", made.id));
  THEMIS_TRY(const uint64_t threads, read_number(from, "threads", kStateThreadsMax));
  if (threads == 0) return fail(Code::malformed, "a store has one thread or more");
  made.threads = static_cast<uint16_t>(threads);
  const std::string mac = http::string_or(from, "mac", "");
  if (mac != kCmac && mac != kSiphash)
    return fail(Code::malformed, "a MAC of another kind: \"" + mac + "\"");
  made.prf = mac == kCmac ? crypto::PrfKind::cmac_aes : crypto::PrfKind::siphash;
  THEMIS_CHECK(read_hex(from, "agreement", made.agreement.bytes));
  THEMIS_CHECK(read_hex(from, "key", made.signing.bytes));
  answer.instance = std::make_shared<const receipts::Instance>(made);
  return {};
}

}  // namespace

Status check_name_space(std::string_view name_space) {
  if (bundle::is_actor_space(name_space)) return {};
  bool is_one = !name_space.empty() && name_space.size() <= kNamespaceBytesMax;
  for (const char each : name_space) is_one = is_one && kIsNamespace[static_cast<uint8_t>(each)];
  if (is_one) return {};
  return fail(Code::invalid, "a namespace has 1 to 64 characters out of a-z, 0-9, \"_\" and \"-\"");
}

Status check_key(std::string_view key) {
  if (key.empty()) return fail(Code::invalid, "a key is not empty");
  if (key.size() > kStateKeyBytesMax)
    return fail(Code::too_large, "a key has at most " + std::to_string(kStateKeyBytesMax) +
                                     " bytes, not " + std::to_string(key.size()));
  return {};
}

Status check_value(ByteView value) {
  if (value.size() <= kStateValueBytesMax) return {};
  return fail(Code::too_large, "a value has at most " + std::to_string(kStateValueBytesMax) +
                                   " bytes, not " + std::to_string(value.size()));
}

Status check_list(std::string_view prefix, std::string_view after) {
  if (std::max(prefix.size(), after.size()) <= kStateKeyBytesMax) return {};
  return fail(Code::too_large, "a prefix is no longer than a key");
}

Status check_transaction(const std::vector<StateChange>& changes) {
  if (changes.empty() || changes.size() > kTransactionKeysMax)
    return fail(Code::invalid,
                "a transaction has 1 to " + std::to_string(kTransactionKeysMax) + " keys");
  size_t written = 0;
  for (const StateChange& change : changes) {
    THEMIS_CHECK(check_key(change.key));
    if (change.expected) THEMIS_CHECK(check_value(*change.expected));
    if (change.value) THEMIS_CHECK(check_value(*change.value));
    if (change.writes && change.value) written += change.value->size();
    for (const StateChange* other = changes.data(); other != &change; ++other)
      if (other->key == change.key) return fail(Code::invalid, "a transaction names each key once");
  }
  if (written <= kTransactionBytesMax) return {};
  return fail(Code::too_large, "a transaction writes at most " +
                                   std::to_string(kTransactionBytesMax) + " bytes, not " +
                                   std::to_string(written));
}

bool is_proven(const StateCall& call) {
  return call.receipt || call.caller || is_of_the_run(call.op);
}

Status check_state_call(const StateCall& call) {
  THEMIS_CHECK(check_name_space(call.name_space));
  if (is_of_the_run(call.op) || call.op == StateOp::list)
    if (call.receipt || call.caller)
      return fail(Code::invalid, "there is no receipt of that: get each key with one");
  if (call.op == StateOp::describe) return {};
  if (call.op == StateOp::join) {
    if (call.value.size() == sizeof(crypto::DhShare::bytes)) return {};
    return fail(Code::invalid, "register needs a \"share\" of 64 hexadecimal digits");
  }
  if (call.op == StateOp::transaction) return check_transaction(call.changes);
  if (call.op == StateOp::list) return check_list(call.key, call.after);
  THEMIS_CHECK(check_key(call.key));
  if (call.expected) THEMIS_CHECK(check_value(*call.expected));
  return check_value(call.value);
}

Result<StateAsk> parse_state_ask(std::string_view name_space, std::string_view json) {
  if (json.size() > kStateAskBytesMax)
    return fail(Code::too_large,
                "a call of the state has at most " + std::to_string(kStateAskBytesMax) + " bytes");
  THEMIS_TRY(const Json body, http::parse_json(json, kAskDepthMax));
  const std::string op = http::string_or(body, "op", "");
  const auto known = std::find_if(std::begin(kOps), std::end(kOps),
                                  [&](const OpName& at) { return at.name == op; });
  if (known == std::end(kOps))
    return fail(Code::malformed,
                "\"op\" is get, put, delete, cas, list or transaction, not \"" + op + "\"");
  StateAsk ask;
  ask.call.op = known->op;
  ask.call.name_space = name_space;
  const bool lists = known->op == StateOp::list;
  ask.call.key = http::string_or(body, lists ? "prefix" : "key", "");
  ask.call.after = http::string_or(body, "after", "");
  ask.wait = body.contains("wait") && body.at("wait") == Json(true);
  if (known->op == StateOp::put || known->op == StateOp::cas) {
    if (!body.contains("value")) return fail(Code::malformed, op + " needs a \"value\"");
    THEMIS_TRY(ask.call.value, read_value(body.at("value")));
  }
  if (known->op == StateOp::cas) {
    if (!body.contains("expected"))
      return fail(Code::malformed, "cas needs \"expected\": a value, or null for an absent key");
    THEMIS_TRY(ask.call.expected, read_optional_value(body.at("expected")));
  }
  if (known->op == StateOp::join) {
    THEMIS_TRY(ask.call.value, from_hex(http::string_or(body, "share", "")));
  }
  THEMIS_CHECK(read_caller(body, ask.call));
  ask.call.transferable = ask.call.receipt && ask.wait;
  for (const Json& each : http::array_or_empty(body, "changes")) {
    THEMIS_TRY(StateChange change, read_change(each));
    ask.call.changes.push_back(std::move(change));
  }
  THEMIS_CHECK(check_state_call(ask.call));
  return ask;
}

std::string_view name(StateOp op) { return std::ranges::find(kOps, op, &OpName::op)->name; }

std::string state_ask_json(const StateAsk& ask) {
  const StateCall& call = ask.call;
  Json out = {{"op", name(call.op)}, {"wait", ask.wait}};
  out[call.op == StateOp::list ? "prefix" : "key"] = call.key;
  if (call.op == StateOp::list) out["after"] = call.after;
  if (call.op == StateOp::put || call.op == StateOp::cas) out["value"] = value_json(call.value);
  if (call.op == StateOp::cas)
    out["expected"] = call.expected ? value_json(*call.expected) : Json();
  if (call.op == StateOp::join) out["share"] = to_hex(call.value);
  if (call.receipt) out["receipt"] = true;
  if (call.caller) out["caller"] = caller_json(*call.caller);
  for (const StateChange& change : call.changes) {
    Json each = {{"key", change.key}};
    if (change.checks) each["expected"] = change.expected ? value_json(*change.expected) : Json();
    if (change.writes) each["value"] = change.value ? value_json(*change.value) : Json();
    out["changes"].push_back(std::move(each));
  }
  return http::to_text(out);
}

Result<StateAnswer> parse_state_answer(std::string_view json) {
  THEMIS_TRY(const Json body, http::parse_json(json, kAskDepthMax));
  if (!body.is_object()) return fail(Code::malformed, "the state's answer is no object");
  const auto is_set = [&](const char* name) {
    return body.contains(name) && body.at(name) == Json(true);
  };
  StateAnswer answer;
  answer.done = is_set("done");
  answer.more = is_set("more");
  answer.certified = is_set("certified");
  answer.epoch = static_cast<uint32_t>(http::integer_or(body, "epoch", 0));
  if (body.contains("value")) {
    THEMIS_TRY(answer.value, read_optional_value(body.at("value")));
  }
  for (const Json& entry : http::array_or_empty(body, "entries")) {
    if (!entry.is_object() || !entry.contains("value"))
      return fail(Code::malformed, "an entry of the state's answer is none");
    THEMIS_TRY(Bytes value, read_value(entry.at("value")));
    answer.entries.push_back({http::string_or(entry, "key", ""), std::move(value)});
  }
  if (body.contains("receipt")) THEMIS_CHECK(read_receipt(body.at("receipt"), answer));
  if (body.contains("instance")) THEMIS_CHECK(read_instance(body.at("instance"), answer));
  if (body.contains("client")) {
    THEMIS_TRY(const uint64_t client, read_number(body, "client", receipts::kNoClient - 1));
    answer.client = static_cast<uint16_t>(client);
  }
  return answer;
}

std::string state_answer_json(const StateCall& call, const StateAnswer& answer) {
  Json out = {{"done", answer.done}, {"epoch", answer.epoch}, {"certified", answer.certified}};
  if (call.op == StateOp::get || call.op == StateOp::cas)
    out["value"] = answer.value ? value_json(*answer.value) : Json();
  if (call.op == StateOp::list) {
    Json entries = Json::array();
    for (const StateEntry& entry : answer.entries)
      entries.push_back({{"key", entry.key}, {"value", value_json(entry.value)}});
    out["entries"] = std::move(entries);
    out["more"] = answer.more;
  }
  if (answer.receipt) out["receipt"] = receipt_json(*answer.receipt);
  if (answer.instance) out["instance"] = instance_json(*answer.instance);
  if (answer.client) out["client"] = *answer.client;
  return http::to_text(out);
}

}  // namespace themis
