// receipt verify: a transferable receipt is checked offline, with the store's public key alone.

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "actors/monitor/state_operation.hpp"
#include "apps/themis/commands.hpp"
#include "apps/themis/output.hpp"
#include "enclave/receipts/receipt.hpp"
#include "runtime/crypto/crypto.hpp"
#include "runtime/http/json.hpp"

namespace themis::cli {
namespace {

using http::Json;
using receipts::Receipt;

/// A call of verified state as POST /v1/state has it, and its answer; null: of something else.
Json state_of(const Receipt& receipt) {
  const auto call = read_call(receipt.function, receipt.keys, receipt.arguments);
  StateAnswer answer;
  if (!call || !read_result(receipt.result, answer)) return {};
  auto asked = http::parse_json(state_ask_json({*call, false}));
  auto told = http::parse_json(state_answer_json(*call, answer));
  if (!asked || !told) return {};
  asked->erase("wait");
  told->erase("epoch");
  told->erase("certified");
  return {{"namespace", call->name_space}, {"call", *asked}, {"answer", *told}};
}

Json to_json(const Receipt& receipt) {
  const receipts::Certificate& epoch = receipt.certificates.front();
  return {{"valid", true},
          {"state", state_of(receipt)},
          {"instance", to_hex(epoch.instance)},
          {"epoch", epoch.epoch},
          {"certified_to", receipt.certificates.back().epoch},
          {"thread", receipt.thread},
          {"position", receipt.position},
          {"client", to_hex(receipt.client.view())},
          {"nonce", receipt.nonce},
          {"function", receipt.function},
          {"keys", to_hex(receipt.keys)},
          {"arguments", to_hex(receipt.arguments)},
          {"result", to_hex(receipt.result)}};
}

void print(const Receipt& receipt) {
  const receipts::Certificate& epoch = receipt.certificates.front();
  print_line(fmt::format("valid      call {} of thread {}, certified with epoch {}",
                         receipt.position, receipt.thread, epoch.epoch));
  if (const Json state = state_of(receipt); state.is_object()) {
    print_line(printable("namespace  " + state["namespace"].get<std::string>()));
    print_line(printable("call       " + http::to_text(state["call"])));
    print_line(printable("answer     " + http::to_text(state["answer"])));
  }
  print_line("instance   " + to_hex(epoch.instance));
  print_line("client     " + to_hex(receipt.client.view()));
  print_line(fmt::format("nonce      {}", receipt.nonce));
  print_line(fmt::format("function   {}", receipt.function));
  print_line("keys       " + to_hex(receipt.keys));
  print_line("arguments  " + to_hex(receipt.arguments));
  print_line("result     " + to_hex(receipt.result));
}

Outcome verify_receipt(const std::string& path, const std::string& key_text,
                       const std::string& seen_path, bool json) {
  const auto bytes = from_hex(key_text);
  const auto key = bytes ? crypto::PublicKey::from_bytes(*bytes) : fail(bytes.error());
  if (!key) return misused("--key: needs the 64 hexadecimal digits of the store's public key");
  const auto text = read_file(path);
  if (!text) return tl::unexpected<Failure>(text.error());
  std::string seen;
  if (!seen_path.empty()) {
    const auto read = read_file(seen_path);
    if (!read) return tl::unexpected<Failure>(read.error());
    if (read->empty()) return failed(seen_path + ": is empty");
    seen = *read;
  }
  crypto::init();
  if (const Status verified = receipts::verify_text(*text, *key, seen); !verified)
    return failed(path + ": " + verified.error().detail);
  const Receipt receipt = Receipt::parse(*text).value();
  if (json) {
    print_line(http::to_text(to_json(receipt)));
  } else {
    print(receipt);
  }
  return {};
}

}  // namespace

void add_receipt_commands(CLI::App& app, std::function<Outcome()>& action) {
  CLI::App* receipt = app.add_subcommand("receipt", "Check what a store's monitors answered");
  CLI::App* sub = receipt->require_subcommand(1)->add_subcommand(
      "verify", "Check a receipt by itself; no node is asked");
  CLI::Option* file = sub->add_option("FILE", "the receipt")->required();
  CLI::Option* key = sub->add_option("--key", "the store's public key")->required();
  CLI::Option* seen = sub->add_option(
      "--seen",
      "an earlier receipt: fails on a fork of its chain, or an epoch between that is not "
      "in either file");
  CLI::Option* json = sub->add_flag("--json")->description("print the answer as JSON");
  sub->callback([=, &action] {
    action = [=] {
      return verify_receipt(file->as<std::string>(), key->as<std::string>(),
                            seen->count() == 0 ? std::string() : seen->as<std::string>(),
                            json->count() != 0);
    };
  });
}

}  // namespace themis::cli
