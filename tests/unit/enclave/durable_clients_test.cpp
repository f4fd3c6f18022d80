// Clients of a durable store: what they were told before a restart, and what can be done with it.
#include <gtest/gtest.h>

#include "tests/unit/enclave/durable_clients.hpp"

namespace themis::tests {
namespace {

using receipts::Receipt;
using Released = host::Released;

TEST(VerifiedStoreClients, EachCallIsAnsweredWithAReceiptWhenItIsDurable) {
  for (const uint16_t threads : std::initializer_list<uint16_t>{1, 2, 8}) {
    ClientWorld world(threads);
    ASSERT_TRUE(world.open());
    auto one = world.join(0).value(), two = world.join(1).value();
    std::vector<std::pair<Client*, Client::Sent>> sent;
    for (uint64_t key = 0; key < 40; ++key) {
      Client& client = key % 3 == 0 ? one : two;
      const Use use = key % 2 == 0 ? Use::call : Use::transferable_call;
      sent.emplace_back(&client, world.put(client, key, 100 + key, use).value());
      sent.emplace_back(&one, world.get(one, key).value());
    }
    const auto released = world.store->end_epoch();
    ASSERT_TRUE(released) << released.error().text();
    for (size_t i = 0; i < sent.size(); ++i) {
      const auto& [client, call] = sent[i];
      const uint64_t put = 100 + i / 2;
      const std::string value = to_hex(std::as_bytes(std::span(&put, 1)));
      EXPECT_EQ(hex_of(client->check(call, *released)), i % 2 == 0 ? "0100" : "0101" + value) << i;
      EXPECT_EQ(refusal((client == &one ? two : one).check(call, *released)), Code::forged);
    }
    ASSERT_EQ(released->certificates.size(), 1u);
    EXPECT_TRUE(receipts::check_chain(released->certificates, world.signing()));
    ASSERT_EQ(released->receipts.size(), 20u);
    for (const Receipt& each : released->receipts)
      EXPECT_TRUE(receipts::verify_text(each.text(), world.signing()));
  }
}

TEST(VerifiedStoreClients, AnswersAreThoseOfTheirCommitAndReceiptsComeWithTheirEpoch) {
  ClientWorld world;
  ASSERT_TRUE(world.open());
  auto client = world.join().value();
  const auto first = world.put(client, 1, 10, Use::transferable_call).value();
  const auto early = world.store->commit().value();
  EXPECT_TRUE(client.check(first, early));
  EXPECT_TRUE(early.certificates.empty());
  EXPECT_TRUE(early.receipts.empty()) << "the epoch is not certified";
  const auto second = world.put(client, 2, 20, Use::transferable_call).value();
  const auto released = world.store->end_epoch().value();
  EXPECT_EQ(refusal(client.check(first, released)), Code::forged);
  EXPECT_TRUE(client.check(second, released));
  EXPECT_EQ(released.receipts.size(), 2u) << "of both commits";
  EXPECT_EQ(refusal(client.check(second, world.store->commit().value())), Code::not_found);
}

// A store that takes calls with and without a client finds each answer among the others.
TEST(VerifiedStoreClients, CallsWithoutAClientAreBesideThoseOfClients) {
  DurableWorld world;
  ASSERT_TRUE(world.open());
  ASSERT_TRUE(world.put(1, 1));
  auto client = Client::join(*world.store, monitor::client_key_pair(0)).value();
  std::vector<Client::Sent> sent;
  for (uint64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(world.get(1), 1u);
    sent.push_back(ClientWorld::put(client, 2, i, Use::transferable_call).value());
    ASSERT_TRUE(world.put(3, i));
  }
  const auto released = world.store->end_epoch();
  ASSERT_TRUE(released) << released.error().text();
  for (const auto& each : sent) EXPECT_TRUE(client.check(each, *released));
  EXPECT_EQ(released->receipts.size(), sent.size());
}

// What was certified before a crash stays proven with the key that people pinned.
TEST(VerifiedStoreClients, AReceiptOfACertifiedEpochIsGoodAfterARestartWithTheSameKey) {
  ClientWorld world(2);
  ASSERT_TRUE(world.open());
  const auto before = world.store->describe();
  auto client = world.join().value();
  ASSERT_TRUE(world.put(client, 1, 10, Use::transferable_call));
  const auto released = world.store->end_epoch().value();
  ASSERT_EQ(released.receipts.size(), 1u);
  const std::string text = released.receipts[0].text();
  ASSERT_TRUE(world.open());
  const auto after = world.store->describe();
  EXPECT_EQ(before.signing, after.signing);
  EXPECT_NE(before.id, after.id);
  EXPECT_NE(before.agreement, after.agreement);
  EXPECT_TRUE(receipts::verify_text(text, after.signing));
  // The next instance goes on with the epochs, under its own name.
  auto rejoined = world.join().value();
  EXPECT_TRUE(world.get(rejoined, 1));
  ASSERT_TRUE(world.put(rejoined, 1, 11, Use::transferable_call));
  const auto later = world.store->end_epoch().value();
  ASSERT_EQ(later.certificates.size(), 1u);
  EXPECT_EQ(later.certificates[0].epoch, released.certificates[0].epoch + 1);
  EXPECT_EQ(later.certificates[0].instance, after.id);
  const std::string next = later.receipts.at(0).text();
  EXPECT_TRUE(receipts::verify_text(next, before.signing));
  EXPECT_EQ(refusal(receipts::verify_text(next, before.signing, text)), Code::wrong_peer);
}

// The epoch that was open at the crash is certified by the next instance: its calls are kept, but
// what the earlier instance said of them stays provisional.
TEST(VerifiedStoreClients, AReceiptOfAnEpochThatWasOpenAtACrashIsVoid) {
  ClientWorld world;
  ASSERT_TRUE(world.open());
  const auto before = world.store->describe();
  auto client = world.join().value();
  const auto sent = world.put(client, 1, 10, Use::transferable_call).value();
  const auto told = world.store->commit().value();
  const auto provisional = client.check(sent, told);
  ASSERT_TRUE(provisional);
  ASSERT_TRUE(world.open());
  auto rejoined = world.join().value();
  const auto got = world.get(rejoined, 1).value();
  const auto released = world.store->end_epoch().value();
  EXPECT_EQ(hex_of(rejoined.check(got, released)), "01010a00000000000000") << "it was not lost";
  ASSERT_EQ(released.certificates.size(), 1u);
  EXPECT_EQ(released.certificates[0].epoch, provisional->epoch);
  EXPECT_TRUE(released.receipts.empty());
  receipts::ChainView view(before);
  EXPECT_EQ(refusal(view.accept(released.certificates[0])), Code::wrong_peer);
  EXPECT_FALSE(view.is_final(provisional->epoch));
  // The host still has the leaf of the earlier instance, and puts it under the new certificate.
  host::ReceiptLog log(1);
  host::IssuedReceipt issued;
  issued.receipt = *provisional;
  std::memcpy(issued.leaf.data(), told.results[0].data() + told.answers[0][0].bytes,
              issued.leaf.size());
  issued.caller = sent.caller;
  issued.client = monitor::client_key_pair(0).share();
  const Word key{1}, value{10};
  issued.function = WordStore::put;
  issued.keys = std::as_bytes(std::span(&key, 1));
  issued.arguments = std::as_bytes(std::span(&value, 1));
  log.add(0, issued);
  const auto shown = log.complete(released.certificates[0]);
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(refusal(shown[0].verify(before.signing)), Code::forged);
}

// Epochs that end while the journal runs again are not certified a second time for anybody.
TEST(VerifiedStoreClients, AReplayShowsNoCertificates) {
  ClientWorld world;
  ASSERT_TRUE(world.open());
  auto client = world.join().value();
  for (uint64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(world.put(client, i, i));
    ASSERT_EQ(world.store->end_epoch()->certificates.size(), 1u);
  }
  ASSERT_TRUE(world.open());
  const auto released = world.store->end_epoch().value();
  ASSERT_EQ(released.certificates.size(), 1u);
  EXPECT_EQ(released.certificates[0].epoch, 3u);
  const auto rest = world.store->checkpoint().value();
  ASSERT_EQ(rest.certificates.size(), 1u);
  EXPECT_TRUE(receipts::check_same_chain(released.certificates, rest.certificates));
  ASSERT_TRUE(world.open());
  EXPECT_EQ(world.store->end_epoch()->certificates.at(0).epoch, 5u) << "after the checkpoint";
}

TEST(AdversaryVerifiedStoreClients, ACallOfAnEarlierInstanceIsRefused) {
  ClientWorld world;
  ASSERT_TRUE(world.open());
  auto client = world.join().value();
  const auto sent = world.put(client, 1, 10).value();
  ASSERT_TRUE(world.store->commit());
  ASSERT_TRUE(world.open());
  EXPECT_EQ(refusal(world.again(sent.caller, 1, 10)), Code::unauthenticated) << "nobody joined";
  ASSERT_TRUE(world.join());
  EXPECT_EQ(refusal(world.again(sent.caller, 1, 10)), Code::forged);
  EXPECT_FALSE(world.store->status().failure) << "the monitor goes on";
}

TEST(AdversaryVerifiedStoreClients, ForgedChangedAndRepeatedCallsAreRefusedAndEndNothing) {
  ClientWorld world;
  for (int start = 0; start < 2; ++start) {
    ASSERT_TRUE(world.open());
    auto client = world.join().value();
    const auto sent = world.put(client, 1, 10).value();
    EXPECT_EQ(refusal(world.again(sent.caller, 1, 10)), Code::replayed);
    Caller forged = sent.caller;
    ++forged.nonce;
    EXPECT_EQ(refusal(world.again(forged, 1, 10)), Code::forged);
    EXPECT_EQ(refusal(world.again({}, 1, 10)), Code::unauthenticated) << "without a client";
    forged.client = 1;
    EXPECT_EQ(refusal(world.again(forged, 1, 10)), Code::unauthenticated);
    const auto next = world.put(client, 2, 20);
    ASSERT_TRUE(next);
    EXPECT_TRUE(client.check(*next, world.store->end_epoch().value()));
  }
}

TEST(AdversaryVerifiedStoreClients, WhoIsNotGrantedOrTooManyIsNoClientAndEndsNothing) {
  ClientWorld world;
  world.clients_max = 2;
  ASSERT_TRUE(world.open());
  const crypto::DhKey own = monitor::client_key_pair(7);
  EXPECT_EQ(refusal(Client::join(*world.store, own)), Code::denied);
  SeededRng rng(5);
  receipts::InstanceId earlier;
  rng.fill(earlier);
  const auto stale = receipts::grant(monitor::owner_key(), earlier, own.share());
  EXPECT_EQ(refusal(Client::join(*world.store, own, stale)), Code::denied);
  const crypto::DhShare zero;
  EXPECT_EQ(refusal(world.store->register_client(
                zero, receipts::grant(monitor::owner_key(), world.store->describe().id, zero))),
            Code::denied);
  ASSERT_TRUE(world.join(0));
  auto last = world.join(1).value();
  EXPECT_EQ(refusal(world.join(2)), Code::overloaded);
  EXPECT_EQ(refusal(world.trusted->register_client(0, {0, own.share(), {}})), Code::exists);
  EXPECT_EQ(refusal(world.trusted->register_client(1, {0, own.share(), {}})), Code::invalid);
  EXPECT_TRUE(world.put(last, 1, 1));
  EXPECT_TRUE(world.store->end_epoch());
}

/// Asks nobody who may call, and remembers how many batches went to thread 0.
struct CredulousHost final : PassingHost, seal::ClientDesk {
  using PassingHost::PassingHost;
  seal::ClientDesk* clients() override { return this; }
  const receipts::Instance& describe() const override { return side.clients()->describe(); }
  Status register_client(uint16_t thread, const seal::ClientEntry& client) override {
    return side.clients()->register_client(thread, client);
  }
  bool admits(uint16_t, const Caller&, ByteView) override { return true; }
  Status apply(uint16_t thread, ByteView batch) override {
    if (thread == 0) ++batches;
    return side.apply(thread, batch);
  }
  uint64_t batches = 0;
};

struct CredulousWorld : WorldOf<CredulousHost> {
  std::string why_lost() const {
    const auto released = store->commit();
    return released ? "" : released.error().detail;
  }
};

// Asking is for the host's own good: what it did not ask about ends its monitor.
TEST(AdversaryVerifiedStoreClients, AHostThatAsksNobodyEndsItsMonitor) {
  {
    CredulousWorld world;
    ASSERT_TRUE(world.again({}, 1, 10));
    EXPECT_NE(world.why_lost().find("client_needed"), std::string::npos) << world.why_lost();
  }
  {
    CredulousWorld world;
    auto client = world.join().value();
    Caller forged = world.put(client, 1, 10)->caller;
    ++forged.nonce;
    ASSERT_TRUE(world.again(forged, 1, 66));
    EXPECT_NE(world.why_lost().find("forged_call"), std::string::npos) << world.why_lost();
  }
}

// They would be told to clients, or certified, and be in no state that the store could be at again.
TEST(AdversaryVerifiedStoreClients, RegressNothingIsTakenBetweenSealAndConfirm) {
  CredulousWorld world;
  auto client = world.join().value();
  ASSERT_TRUE(world.put(client, 1, 10));
  ASSERT_TRUE(world.store->commit());
  host::CommandLog<WordStore> log(world.store->describe().id, 0);
  for (uint64_t i = 0; i < world.host->batches; ++i) log.take();
  log.next_epoch();
  const ByteView batch = log.take();
  ASSERT_TRUE(world.trusted->seal());
  EXPECT_EQ(refusal(world.trusted->apply(0, batch)), Code::invalid);
  ASSERT_TRUE(world.trusted->confirm());
  EXPECT_TRUE(world.trusted->apply(0, batch)) << "the batch itself is good";
}

// A host that ends epochs and never commits fills no memory of the trusted side.
TEST(AdversaryVerifiedStoreClients, CertificatesThatWaitForACommitAreLimited) {
  CredulousWorld world;
  host::CommandLog<WordStore> log(world.store->describe().id, 0);
  for (uint64_t i = 0; i < world.host->batches; ++i) log.take();
  size_t epochs = 0;
  for (Status applied; epochs <= seal::kHeldCertificatesMax; ++epochs) {
    log.next_epoch();
    log.verify_epoch();
    applied = world.trusted->apply(0, log.take());
    if (!applied) {
      EXPECT_EQ(refusal(applied), Code::overloaded);
      break;
    }
    ASSERT_TRUE(world.trusted->certify());
  }
  EXPECT_EQ(epochs, seal::kHeldCertificatesMax);
  ASSERT_TRUE(world.trusted->seal());
  const auto released = world.trusted->confirm();
  ASSERT_TRUE(released);
  EXPECT_EQ(released->certificates.size(), seal::kHeldCertificatesMax);
  EXPECT_TRUE(receipts::check_chain(released->certificates, world.signing()));
}

TEST(VerifiedStoreClients, AnswersThatCannotBeReadEndTheStore) {
  const std::function<void(seal::Released&)> changes[] = {
      [](seal::Released& released) { released.results[0].pop_back(); },
      [](seal::Released& released) { released.results[0].emplace_back(); },
      [](seal::Released& released) { released.results[0].clear(); },
      [](seal::Released& released) { released.results.clear(); },
      [](seal::Released& released) { released.results.emplace_back(); },
      // The length of the first result.
      [](seal::Released& released) { released.results[0][12] ^= std::byte{1}; },
      [](seal::Released& released) { released.results[0][13] ^= std::byte{0xff}; }};
  for (const auto& change : changes) {
    WorldOf<GarblingHost> world;
    auto client = world.join().value();
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(world.put(client, 1, 10, i == 0 ? Use::call : Use::transferable_call));
    world.host->change = change;
    const auto released = world.store->commit();
    EXPECT_EQ(refusal(released), Code::malformed);
    EXPECT_TRUE(world.store->status().failure);
  }
}

// Whoever starts the store again cannot open it to others.
TEST(AdversaryVerifiedStoreClients, AStoreForClientsIsNotOpenedWithoutThem) {
  ClientWorld world;
  ASSERT_TRUE(world.open());
  const seal::Access made = world.access;
  SeededRng rng(5);
  const crypto::SigningKey other{crypto::SecretBytes<32>(rng)};
  for (const seal::Access& access : {seal::Access{false, made.owner}, seal::Access{true, {}},
                                     seal::Access{true, other.public_key()}}) {
    world.access = access;
    const Status opened = world.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::invalid);
  }
  world.access = made;
  EXPECT_TRUE(world.open());
}

}  // namespace
}  // namespace themis::tests
