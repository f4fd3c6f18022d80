// The four applications, each through a monitor, and each against a plain model of it.

#include <gtest/gtest.h>

#include <map>

#include "enclave/applications/counters.hpp"
#include "enclave/applications/ledger.hpp"
#include "enclave/applications/passwords.hpp"
#include "enclave/applications/state_store.hpp"
#include "runtime/crypto/password.hpp"
#include "tests/unit/enclave/monitor_world.hpp"

namespace themis::monitor {
namespace {

/// Runs calls on records that live in a map, as a host and a monitor would between them.
template <class App>
struct Calls {
  std::map<uint64_t, std::optional<typename App::Value>> state;

  typename App::Result operator()(uint8_t function, std::vector<uint64_t> keys,
                                  typename App::Arguments arguments = {}) {
    // Through the encoding and back, as every call travels.
    std::array<std::byte, 4'096> bytes;
    const std::byte* end = App::encode(function, arguments, bytes.data());
    Reader reader(ByteView(bytes.data(), end));
    const auto decoded = App::decode(function, reader);
    EXPECT_TRUE(reader.ok() && reader.left() == 0);
    std::vector<Record<App>> records(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) records[i].value = state[keys[i]];
    typename App::Result result;
    EXPECT_EQ(App::arity(function), keys.size());
    accepted = App::run(function, decoded, records, result);
    for (size_t i = 0; accepted && i < keys.size(); ++i) state[keys[i]] = records[i].value;
    return result;
  }
  bool accepted = false;
};

TEST(KeyValueApplication, DoesWhatAMapDoes) {
  using Store = KeyValue<Word, Blob<8>>;
  const auto text = [](uint64_t value) { return Blob<8>::from(as_bytes(std::to_string(value))); };
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRng rng(seed);
    Calls<Store> call;
    std::map<uint64_t, Blob<8>> model;
    for (int i = 0; i < 500; ++i) {
      const uint64_t key = rng.below(4), value = rng.below(3), other = (key + 1) % 4;
      const auto found = model.find(key);
      const bool there = found != model.end();
      const auto now = there ? std::optional(found->second) : std::nullopt;
      switch (rng.below(5)) {
        case 0: {
          const auto result = call(there ? Store::get : Store::get_absent, {key});
          ASSERT_TRUE(call.accepted) << "seed " << seed;
          ASSERT_EQ(result.value, now);
          call(there ? Store::get_absent : Store::get, {key});
          ASSERT_FALSE(call.accepted);
          break;
        }
        case 1:
          call(Store::put, {key}, {text(value), {}});
          model[key] = text(value);
          break;
        case 2:
          ASSERT_EQ(call(Store::remove, {key}).done, there);
          model.erase(key);
          break;
        case 3: {
          const auto expected = rng.below(2) == 0 ? std::nullopt : std::optional(text(value));
          const auto result = call(Store::compare_and_swap, {key}, {text(value + 1), expected});
          ASSERT_EQ(result.done, expected == now) << "seed " << seed;
          ASSERT_EQ(result.value, now);
          if (result.done) model[key] = text(value + 1);
          break;
        }
        default: {
          const bool can = there && !model.contains(other);
          ASSERT_EQ(call(Store::transfer, {key, other}).done, can) << "seed " << seed;
          if (can) {
            model[other] = model[key];
            model.erase(key);
          }
        }
      }
    }
  }
}

TEST(CountersApplication, OnlyEverGoUp) {
  Calls<Counters> call;
  EXPECT_EQ(call(Counters::read, {1}), (Counters::Result{true, Word{0}}));
  EXPECT_EQ(call(Counters::increase, {1}, {5}), (Counters::Result{true, Word{5}}));
  EXPECT_EQ(call(Counters::raise, {1}, {5}), (Counters::Result{false, Word{5}}));
  EXPECT_EQ(call(Counters::raise, {1}, {4}), (Counters::Result{false, Word{5}}));
  EXPECT_EQ(call(Counters::raise, {1}, {9}), (Counters::Result{true, Word{9}}));
  EXPECT_EQ(call(Counters::increase, {1}, {UINT64_MAX - 8}), (Counters::Result{false, Word{9}}));
  EXPECT_EQ(call(Counters::increase, {1}, {UINT64_MAX - 9}),
            (Counters::Result{true, Word{UINT64_MAX}}));
  EXPECT_EQ(call(Counters::increase, {1}, {1}), (Counters::Result{false, Word{UINT64_MAX}}));
  EXPECT_EQ(call(Counters::read, {2}), (Counters::Result{true, Word{0}}));
}

Credential credential(std::string_view password, uint8_t salt) {
  Credential made;
  made.salt.fill(std::byte{salt});
  const auto digest = crypto::argon2id(password, made.salt).value();
  std::memcpy(made.digest.data(), digest.view().data(), made.digest.size());
  return made;
}

// The host keeps the record, and whoever has that must not get in with it.
TEST(AdversaryPasswords, RegressWhatIsStoredDoesNotLogIn) {
  const Credential first = credential("correct horse", 1), second = credential("staple", 2);
  Calls<Passwords> call;
  EXPECT_TRUE(call(Passwords::enrol, {1}, {{}, first}).done);
  EXPECT_NE(call.state[1]->digest, first.digest);
  EXPECT_FALSE(call(Passwords::authenticate, {1}, {call.state[1]->digest, {}}).done);
  EXPECT_FALSE(call(Passwords::change, {1}, {call.state[1]->digest, second}).done);
  EXPECT_TRUE(call(Passwords::change, {1}, {first.digest, second}).done);
  EXPECT_NE(call.state[1]->digest, second.digest);
  EXPECT_FALSE(call(Passwords::authenticate, {1}, {call.state[1]->digest, {}}).done);
  EXPECT_TRUE(call(Passwords::authenticate, {1}, {second.digest, {}}).done);
}

TEST(PasswordsApplication, LetsInWhoKnowsThePasswordAndLocksOutWhoGuesses) {
  const Credential first = credential("correct horse", 1), second = credential("staple", 2);
  EXPECT_NE(first.digest, credential("correct horse", 2).digest) << "salted";
  EXPECT_NE(first.digest, credential("correct horsf", 1).digest) << "of the password";
  Calls<Passwords> call;
  EXPECT_FALSE(call(Passwords::authenticate, {1}, {first.digest, {}}).done) << "unknown user";
  EXPECT_TRUE(call(Passwords::enrol, {1}, {{}, first}).done);
  EXPECT_FALSE(call(Passwords::enrol, {1}, {{}, second}).done) << "the name is taken";
  EXPECT_EQ(call(Passwords::salt, {1}).value, Blob<16>::from(first.salt));
  EXPECT_TRUE(call(Passwords::authenticate, {1}, {first.digest, {}}).done);
  EXPECT_FALSE(call(Passwords::change, {1}, {second.digest, second}).done);
  EXPECT_TRUE(call(Passwords::change, {1}, {first.digest, second}).done);
  EXPECT_FALSE(call(Passwords::authenticate, {1}, {first.digest, {}}).done);
  EXPECT_TRUE(call(Passwords::authenticate, {1}, {second.digest, {}}).done) << "resets the count";
  for (int i = 0; i < Passwords::kFailuresMax; ++i)
    EXPECT_FALSE(call(Passwords::authenticate, {1}, {first.digest, {}}).done);
  EXPECT_FALSE(call(Passwords::authenticate, {1}, {second.digest, {}}).done) << "locked";
  EXPECT_TRUE(call(Passwords::unlock, {1}).done);
  EXPECT_TRUE(call(Passwords::authenticate, {1}, {second.digest, {}}).done);
  // A credential that starts with fewer tries left is not one.
  Credential used = second;
  used.failures = 3;
  std::array<std::byte, 64> bytes;
  const std::byte* end = used.encode(bytes.data());
  Reader reader(ByteView(bytes.data(), end));
  Passwords::decode(Passwords::enrol, reader);
  EXPECT_FALSE(reader.ok());
}

TEST(LedgerApplication, NeitherMakesNorLosesMoney) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRng rng(seed);
    Calls<Ledger> call;
    for (uint64_t account = 0; account < 9; ++account)
      EXPECT_TRUE(call(Ledger::open, {account}, {1'000, 0}).done);
    EXPECT_FALSE(call(Ledger::open, {3}, {5, 0}).done) << "open already";
    for (int i = 0; i < 300; ++i) {
      const uint64_t from = rng.below(9), amount = rng.below(800);
      const Account before = *call.state[from];
      const uint64_t number = before.payments + (rng.below(4) == 0 ? 1 : 0);
      std::vector<uint64_t> accounts{from};
      for (uint64_t to = 0; to < 9 && accounts.size() < 8; ++to)
        if (to != from) accounts.push_back(to);
      if (rng.below(3) != 0) accounts.resize(2);
      const bool can =
          number == before.payments && before.balance >= amount * (accounts.size() - 1);
      const auto result =
          call(accounts.size() == 2 ? Ledger::pay : Ledger::distribute, accounts, {amount, number});
      ASSERT_EQ(result.done, can) << "seed " << seed;
      uint64_t total = 0;
      for (const auto& [account, state] : call.state) total += state->balance;
      ASSERT_EQ(total, 9'000u) << "seed " << seed;
    }
  }
  Calls<Ledger> call;
  call(Ledger::open, {1}, {10, 0});
  EXPECT_FALSE(call(Ledger::pay, {1, 2}, {5, 0}).done) << "the other account is not open";
  call(Ledger::open, {2}, {UINT64_MAX, 0});
  EXPECT_FALSE(call(Ledger::pay, {1, 2}, {5, 0}).done) << "would overflow";
  EXPECT_FALSE(call(Ledger::balance, {3}).done);
}

// Attack 33 for a ledger: an account that pays itself would come out richer.
TEST(AdversaryLedger, AnAccountCannotBeNamedTwice) {
  const auto play = [](uint16_t second_slot, uint64_t second) {
    World<Ledger> world;
    auto& log = world.log();
    const auto call = [&](uint8_t function, std::vector<uint16_t> slots, std::vector<Word> keys,
                          Ledger::Arguments arguments) {
      log.run(function, slots, keys, arguments);
    };
    log.add_merkle(kR0, kRoot, {{1}, std::nullopt});
    log.add_merkle(kR1, kRoot, {{2}, std::nullopt});
    call(Ledger::open, {kR0}, {{1}}, {10, 0});
    call(Ledger::open, {kR1}, {{2}}, {10, 0});
    call(Ledger::pay, {kR0, second_slot}, {{1}, {second}}, {4, 0});
    call(Ledger::balance, {kR0}, {{1}}, {});
    log.next_epoch();
    log.verify_epoch();
    world.send();
    if (world.certified(0)) {
      EXPECT_EQ(world.answers().back(), std::byte{0});
      EXPECT_EQ(load<uint64_t>(world.answers().last(16).data()), 6u);
    }
    return world.reason();
  };
  EXPECT_EQ(play(kR1, 2), Reason::none);
  EXPECT_EQ(play(kR0, 1), Reason::duplicate_record);
}

TEST(BlobKeysDeathTest, RegressNothingLongerFitsIn) {
  EXPECT_DEATH((void)Blob<4>::from(Bytes(10)), "checked its length");
}

TEST(BlobKeys, RefuseALengthOverTheirLimit) {
  const auto decoded = [](std::string_view hex) {
    const Bytes bytes = from_hex(hex).value();
    Reader reader(bytes);
    (void)Blob<2>::decode(reader);
    return reader.ok() && reader.left() == 0;
  };
  EXPECT_TRUE(decoded("0000"));
  EXPECT_TRUE(decoded("0200aabb"));
  EXPECT_FALSE(decoded("0300aabbcc"));
  EXPECT_FALSE(decoded("0200aa"));
  EXPECT_FALSE(decoded("02"));
}

/// What a store does not keep calls of: they change nothing, whatever they find.
template <class App>
class ReadingFunctions : public testing::Test {};
using Applications =
    testing::Types<WordStore, KeyValue<Word, Blob<8>>, StateStore, Counters, Passwords, Ledger>;
TYPED_TEST_SUITE(ReadingFunctions, Applications);

/// Random bytes, most of them small or zero.
template <size_t N>
std::array<std::byte, N> some_bytes(SeededRng& rng) {
  std::array<std::byte, N> bytes{};
  rng.fill(std::span(bytes).first(rng.below(std::min<uint64_t>(N, 40) + 1)));
  if (rng.below(2) == 0) bytes[0] &= std::byte{3};
  if (rng.below(2) == 0 && N > 1) bytes[1] = std::byte{0};
  return bytes;
}

TYPED_TEST(ReadingFunctions, ChangeNothing) {
  using App = TypeParam;
  SeededRng rng(1);
  int runs = 0, writes = 0;
  for (int number = 0; number < 256; ++number) {
    const auto function = static_cast<uint8_t>(number);
    const size_t count = App::arity(function);
    ASSERT_TRUE(count != 0 || !App::only_reads(function));
    for (int i = 0; i < 400 && count != 0; ++i) {
      std::vector<Record<App>> records(count);
      for (auto& each : records) {
        const auto bytes = some_bytes<App::Value::kBytesMax>(rng);
        Reader reader(bytes);
        const auto value = App::Value::decode(reader);
        if (reader.ok() && rng.below(4) != 0) each.value = value;
      }
      const auto bytes = some_bytes<4'096>(rng);
      Reader reader(bytes);
      const auto arguments = App::decode(function, reader);
      std::vector<Record<App>> after = records;
      typename App::Result result;
      if (!reader.ok() || !App::run(function, arguments, after, result)) continue;
      bool same = true;
      for (size_t at = 0; at < count; ++at) same = same && after[at].value == records[at].value;
      runs += App::only_reads(function);
      writes += !same;
      ASSERT_TRUE(same || !App::only_reads(function)) << "function " << number;
    }
  }
  EXPECT_GE(runs, 30);
  EXPECT_GE(writes, 30) << "nothing changes here";
}

/// What a call of encodings gave: whether it could be read and run, its result, the value it left.
struct Ran {
  bool read = false, could = false;
  size_t left = 0;
  Bytes result, value;
  friend bool operator==(const Ran&, const Ran&) = default;
};
template <class App>
Ran run_decoded(uint8_t function, ByteView arguments, Record<App> record) {
  Ran ran;
  Reader reader(arguments);
  const auto decoded = App::decode(function, reader);
  ran.read = reader.ok();
  if (!ran.read) return ran;
  ran.left = reader.left();
  typename App::Result result;
  ran.could = App::run(function, decoded, std::span(&record, 1), result);
  if (!ran.could) return ran;
  std::array<std::byte, std::max(App::Result::kBytesMax, App::Value::kBytesMax)> bytes;
  ran.result.assign(bytes.data(), result.encode(bytes.data()));
  if (record.value) ran.value.assign(bytes.data(), record.value->encode(bytes.data()));
  return ran;
}
template <class App>
Ran run_as_it_is(uint8_t function, ByteView arguments, const Record<App>& record) {
  Ran ran;
  Reader reader(arguments);
  App::template pass<App>(function, reader);
  ran.read = reader.ok();
  if (!ran.read) return ran;
  ran.left = reader.left();
  std::array<std::byte, App::Key::kBytesMax> key;
  std::array<std::byte, App::Value::kBytesMax> value, spare;
  std::array<std::byte, App::Result::kBytesMax> result;
  EncodedRecord encoded{ByteView(key.data(), record.key.encode(key.data())), {}};
  if (record.value) encoded.value = ByteView(value.data(), record.value->encode(value.data()));
  std::byte* end = result.data();
  ran.could = App::template run_encoded<App>(function, arguments.first(arguments.size() - ran.left),
                                             encoded, spare.data(), end);
  if (!ran.could) return ran;
  ran.result.assign(result.data(), end);
  ran.value.assign(encoded.value.begin(), encoded.value.end());
  return ran;
}

TYPED_TEST(ReadingFunctions, AndAllOthersDoOnEncodingsWhatTheyDoOnRecords) {
  using App = TypeParam;
  SeededRng rng(2);
  int could = 0, refused = 0;
  for (int number = 0; number < 256; ++number) {
    const auto function = static_cast<uint8_t>(number);
    if (App::arity(function) != 1) continue;
    for (int i = 0; i < 2'000; ++i) {
      Record<App> record;
      const auto bytes = some_bytes<App::Value::kBytesMax>(rng);
      Reader reader(bytes);
      const auto value = App::Value::decode(reader);
      if (reader.ok() && rng.below(4) != 0) record.value = value;
      auto arguments = some_bytes<4'096>(rng);
      // Often the value that is there, behind a flag or not: as one that is expected.
      if (record.value && rng.below(2) == 0) {
        const bool flagged = rng.below(2) == 0;
        if (flagged) arguments[0] = std::byte{1};
        (void)record.value->encode(arguments.data() + (flagged ? 1 : 0));
      }
      const ByteView all = ByteView(arguments).first(rng.below(8) == 0 ? rng.below(60) : 4'096);
      const Ran expected = run_decoded<App>(function, all, record);
      ASSERT_EQ(run_as_it_is<App>(function, all, record), expected) << "function " << number;
      could += expected.could;
      refused += !expected.read;
    }
  }
  EXPECT_GE(could, 200);
  EXPECT_GE(refused, 20);
}

}  // namespace
}  // namespace themis::monitor
