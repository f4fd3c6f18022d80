// Receipts of real monitors, and what a host could make of them.

#include "tests/unit/enclave/receipt_world.hpp"

namespace themis::tests {
namespace {

using receipts::Certificate;

/// Four epochs of two threads; three, none, one and eight receipts. `third`, `last`: what client 1
/// reads in the third and writes in the fourth.
std::unique_ptr<ReceiptWorld> play(uint64_t seed, uint64_t third, uint64_t last) {
  auto world = std::make_unique<ReceiptWorld>(2, seed);
  for (uint64_t key = 0; key < 3; ++key) world->put(0, key, 7 + key, Use::transferable_call);
  world->put(1, 0, 1);
  world->end_epoch();
  world->put(1, 1, 2);
  world->end_epoch();
  world->call(1, WordStore::get, third, 0, Use::transferable_call);
  world->end_epoch();
  for (uint64_t key = 0; key < 7; ++key) world->put(0, 2 * key, key, Use::transferable_call);
  world->put(1, 1, last, Use::transferable_call);
  world->end_epoch();
  return world;
}

/// With the certificates of later epochs behind its own.
Receipt with_certificates(Receipt receipt, const std::vector<Certificate>& all, size_t from,
                          size_t to) {
  receipt.certificates.assign(all.begin() + static_cast<long>(from),
                              all.begin() + static_cast<long>(to));
  return receipt;
}

class Cases {
 public:
  explicit Cases(std::string key) : key_(std::move(key)) {}
  void add(std::string name, bool accepted, const Receipt& receipt, std::string seen = {}) {
    text(std::move(name), accepted, receipt.text(), std::move(seen));
  }
  void text(std::string name, bool accepted, std::string text, std::string seen = {}) {
    all.push_back({std::move(name), std::move(text), key_, std::move(seen), accepted});
  }
  std::vector<ReceiptCase> all;

 private:
  std::string key_;
};

void replace(std::string& text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  THEMIS_ASSERT(at != text.npos, "the text has it");
  text.replace(at, what.size(), with);
}

/// Every other text that says the same, and one that says more.
void add_texts(Cases& cases, const Receipt& good) {
  const auto with = [&](std::string name, std::string_view what, std::string_view by) {
    std::string text = good.text();
    replace(text, what, by);
    cases.text(std::move(name), false, std::move(text));
  };
  with("a space more", "\"thread\": ", "\"thread\":  ");
  with("a tab", "\n  \"nonce\"", "\n\t\"nonce\"");
  with("a member more", "  \"keys\"", "  \"note\": 1,\n  \"keys\"");
  with("a member twice", "  \"thread\": 0", "  \"thread\": 0,\n  \"thread\": 0");
  with("a leading zero", "\"nonce\": \"", "\"nonce\": \"0");
  with("a sign", "\"position\": \"", "\"position\": \"+");
  with("a number as a string", "\"function\": 3", "\"function\": \"3\"");
  with("a string as a number", "\"function\": 3", "\"function\": 3.0");
  with("a function over 255", "\"function\": 3", "\"function\": 259");
  with("an escape", "\"format\": \"t", "\"format\": \"\\u0074");
  with("another format", "themis-receipt-1", "themis-receipt-2");
  with("half a byte", "\"keys\": \"0", "\"keys\": \"");
  cases.text("nothing", false, "");
  cases.text("no object", false, "[]\n");
  cases.text("nothing else", false, good.text() + "\n");
  cases.text("no line end", false, good.text().substr(0, good.text().size() - 1));
  std::string upper = good.text();
  const size_t at = upper.find_first_of("abcdef", upper.find("\"client\": \"") + 11);
  upper[at] = static_cast<char>(upper[at] - 'a' + 'A');
  cases.text("an upper-case digit", false, upper);
}

void add_changes(Cases& cases, const Receipt& good, const crypto::DhShare& other) {
  const auto with = [&](std::string name, auto change) {
    Receipt changed = good;
    change(changed);
    cases.add(std::move(name), false, changed);
  };
  with("another thread", [](Receipt& r) { r.thread ^= 1; });
  with("another position", [](Receipt& r) { ++r.position; });
  with("another client", [&](Receipt& r) { r.client = other; });
  with("another nonce", [](Receipt& r) { ++r.nonce; });
  with("another function", [](Receipt& r) { r.function = WordStore::remove; });
  with("another key", [](Receipt& r) { r.keys[0] ^= std::byte{1}; });
  with("another value", [](Receipt& r) { r.arguments[0] ^= std::byte{1}; });
  with("another result", [](Receipt& r) { r.result[0] ^= std::byte{1}; });
  with("a byte of the key as one of the value", [](Receipt& r) {
    r.arguments.insert(r.arguments.begin(), r.keys.back());
    r.keys.pop_back();
  });
  with("another index", [](Receipt& r) { r.index ^= 1; });
  with("an index beyond the log", [](Receipt& r) { r.index = r.size; });
  with("another size", [](Receipt& r) { ++r.size; });
  with("a path too short", [](Receipt& r) { r.path.pop_back(); });
  with("a path too long", [](Receipt& r) { r.path.push_back(r.path.back()); });
  with("no path between threads", [](Receipt& r) { r.thread_path.clear(); });
  with("another number of threads", [](Receipt& r) { ++r.certificates[0].threads; });
  with("another secret", [](Receipt& r) { r.certificates[0].secret[0] ^= std::byte{1}; });
  with("another epoch", [](Receipt& r) { ++r.certificates[0].epoch; });
  with("another instance's name",
       [](Receipt& r) { r.certificates[0].instance[0] ^= std::byte{1}; });
  with("an operation receipt: no certificate", [](Receipt& r) { r.certificates.clear(); });
}

}  // namespace

std::vector<ReceiptCase> receipt_cases() {
  const auto world = play(1, 1, 5), forked = play(1, 1, 6), early = play(1, 0, 5),
             stranger = play(2, 1, 5);
  const auto& certificates = world->certificates;
  Cases cases(to_hex(world->instance.signing.view()));
  for (const Receipt& each : world->completed)
    cases.add("good, thread " + std::to_string(each.thread) + " position " +
                  std::to_string(each.position),
              true, each);
  // Of the last epoch, with seven leaves on thread 0: with eight, its path would be as long.
  const Receipt& first = world->completed.front();
  const Receipt& last = world->completed[world->completed.size() - 8];
  cases.add("with all later certificates", true, with_certificates(first, certificates, 0, 4));
  add_texts(cases, first);
  add_changes(cases, last, monitor::client_key_pair(1).share());

  Receipt moved = first;
  moved.certificates = last.certificates;
  cases.add("with the certificate of another epoch", false, moved);
  cases.add("of another instance", false, stranger->completed.front());
  Receipt signed_again = last;
  SeededRng rng(9);
  signed_again.certificates[0].sign(crypto::SigningKey(crypto::SecretBytes<32>(rng)));
  cases.add("signed by another key", false, signed_again);
  Receipt skipping = with_certificates(first, certificates, 0, 3);
  skipping.certificates.erase(skipping.certificates.begin() + 1);
  cases.add("a skipped epoch", false, skipping);
  Receipt backwards = with_certificates(first, certificates, 0, 2);
  std::swap(backwards.certificates[0], backwards.certificates[1]);
  cases.add("certificates backwards", false, backwards);
  Receipt crossed = with_certificates(first, certificates, 0, 4);
  crossed.certificates[3] = forked->certificates[3];
  crossed.certificates[2] = stranger->certificates[2];
  cases.add("certificates of two instances", false, crossed);

  Receipt joined = with_certificates(first, certificates, 0, 4);
  joined.certificates[3] = early->certificates[3];
  cases.add("an epoch of a fork that began before it", false, joined);
  Receipt alone = world->completed[3];
  alone.index = 1;
  cases.add("another index in a log of one", false, alone);

  const auto seen = [&](size_t from, size_t to) {
    return with_certificates(first, certificates, from, to).text();
  };
  cases.add("after the epoch before it", true, last, seen(0, 3));
  cases.add("after itself", true, last, last.text());
  cases.add("after what is no receipt", false, last, "[]\n");
  cases.add("after what the key did not sign", false, last, signed_again.text());
  cases.add("before what was seen", true, first, seen(0, 4));
  cases.add("after a gap", false, last, seen(0, 2));
  const Receipt& other = forked->completed[forked->completed.size() - 8];
  cases.add("of a fork, by itself", true, other);
  cases.add("of a fork that was seen from the other side", false, other, last.text());
  cases.add("of a fork, in what follows", false,
            with_certificates(first, forked->certificates, 0, 4), seen(0, 4));
  cases.add("of another instance than was seen", false, last, stranger->completed[0].text());
  return cases.all;
}

}  // namespace themis::tests
