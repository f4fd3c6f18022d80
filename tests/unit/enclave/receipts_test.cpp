// What a client gets, what it may believe, and what others may believe who are shown it.

#include <gtest/gtest.h>

#include "tests/unit/enclave/allocations.hpp"
#include "tests/unit/enclave/receipt_world.hpp"

namespace themis::tests {
namespace {

using monitor::Reason;
using receipts::Certificate;
using receipts::ChainView;
using receipts::Digest;

Bytes result_of(const ReceiptWorld::Answer& answer) {
  const ByteView view = receipts::OperationReceipt::parse(answer.receipt).value().result;
  return {view.begin(), view.end()};
}

TEST(Receipts, EveryCallIsAnsweredWithASmallReceiptThatItsClientCanCheck) {
  ReceiptWorld world;
  for (uint64_t key = 0; key < 6; ++key) {
    const auto put = world.put(key % 2, key, key + 10);
    EXPECT_TRUE(world.check(key % 2, key, put));
    const auto got = world.call(1, WordStore::get, key);
    EXPECT_TRUE(world.check(1, key, got));
    EXPECT_EQ(result_of(got)[2], static_cast<std::byte>(key + 10));
    EXPECT_LE(got.receipt.size(), 64u);
  }
  world.end_epoch();
  EXPECT_EQ(world.certificates.size(), 1u);
  EXPECT_TRUE(world.completed.empty()) << "nobody asked for one to show to others";
}

TEST(Receipts, WorkWithEveryPrfAndAnyNumberOfThreads) {
  for (const auto kind :
       {crypto::PrfKind::cmac_vaes, crypto::PrfKind::cmac_aes, crypto::PrfKind::siphash}) {
    if (!crypto::available(kind)) continue;
    for (const uint16_t threads : {uint16_t{1}, uint16_t{8}, uint16_t{64}}) {
      ReceiptWorld world(threads, 1, kind);
      for (uint64_t key = 0; key < 100; ++key)
        EXPECT_TRUE(world.check(0, key, world.put(0, key, 1, Use::transferable_call)));
      world.end_epoch();
      ASSERT_EQ(world.completed.size(), 100u);
      for (const Receipt& each : world.completed) {
        const auto verified = receipts::verify_text(each.text(), world.instance.signing);
        EXPECT_TRUE(verified) << each.thread << ' ' << each.index << " of " << threads;
      }
    }
  }
}

// Positions say in which order a thread ran what it was asked.
TEST(Receipts, PositionsOfAThreadRiseByOne) {
  ReceiptWorld world(1);
  for (uint64_t i = 0; i < 5; ++i) {
    const auto answer = world.put(i % 2, i, i);
    EXPECT_EQ(receipts::OperationReceipt::parse(answer.receipt)->position, i);
    if (i == 2) world.end_epoch();
  }
}

TEST(Receipts, ALogsHeadIsThatOfTheWholeTreeAndEveryPathLeadsToIt) {
  receipts::MerkleLog log;
  std::vector<Digest> leaves;
  for (uint64_t size = 0; size <= 70; ++size) {
    const receipts::LogTree tree(leaves);
    ASSERT_EQ(tree.head(), log.head()) << size;
    for (uint64_t i = 0; i < size; ++i) {
      const auto path = tree.path(i);
      ASSERT_EQ(receipts::root_of(leaves[i], i, size, path).value(), log.head().root);
      if (i + 1 == size) continue;
      ASSERT_NE(receipts::root_of(leaves[i], i + 1, size, path), tree.head().root);
    }
    Digest leaf = receipts::leaf_hasher().add(std::as_bytes(std::span(&size, 1))).finish();
    leaves.push_back(leaf);
    log.add(leaf);
  }
}

// RFC 9162 has no vectors; these leaves and roots are those of merkle_tree_test.cc in
// google/certificate-transparency.
TEST(Receipts, ALogMeetsTheVectorsOfCertificateTransparency) {
  const std::string_view leaves[] = {"",
                                     "00",
                                     "10",
                                     "2021",
                                     "3031",
                                     "40414243",
                                     "5051525354555657",
                                     "606162636465666768696a6b6c6d6e6f"};
  const std::string_view roots[] = {
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  receipts::MerkleLog log;
  for (size_t i = 0; i < std::size(leaves); ++i) {
    log.add(receipts::leaf_hasher().add(from_hex(leaves[i]).value()).finish());
    EXPECT_EQ(to_hex(log.head().root), roots[i]) << i;
  }
}

TEST(Receipts, ATextIsReadAsItWasWrittenAndLimitsHold) {
  for (const ReceiptCase& each : receipt_cases()) {
    const auto parsed = Receipt::parse(each.text);
    if (parsed) {
      EXPECT_EQ(parsed->text(), each.text) << each.name;
    }
  }
  Receipt receipt = Receipt::parse(receipt_cases()[0].text).value();
  receipt.result.resize(receipts::kResultBytesMax);
  receipt.keys.resize(receipts::kKeysBytesMax);
  receipt.arguments.resize(receipts::kArgumentsBytesMax);
  receipt.path.resize(receipts::kPathMax);
  receipt.certificates.resize(receipts::kCertificatesMax, receipt.certificates[0]);
  EXPECT_TRUE(Receipt::parse(receipt.text())) << "the largest receipt fits its file";
  const auto refused = [&](auto change) {
    Receipt larger = receipt;
    change(larger);
    return !Receipt::parse(larger.text());
  };
  EXPECT_TRUE(refused([](Receipt& r) { r.result.emplace_back(); }));
  EXPECT_TRUE(refused([](Receipt& r) { r.keys.emplace_back(); }));
  EXPECT_TRUE(refused([](Receipt& r) { r.arguments.emplace_back(); }));
  EXPECT_TRUE(refused([](Receipt& r) { r.path.emplace_back(); }));
  EXPECT_TRUE(refused([](Receipt& r) { r.thread_path.resize(7); }));
  EXPECT_TRUE(refused([](Receipt& r) { r.certificates.push_back(r.certificates[0]); }));
  const std::string huge(receipts::kReceiptTextMax + 1, ' ');
  EXPECT_EQ(Receipt::parse(huge).error().code, Code::too_large);
}

TEST(AdversaryReceipts, AVerifierTakesAndRefusesWhatItMust) {
  size_t accepted = 0;
  for (const ReceiptCase& each : receipt_cases()) {
    const auto key = crypto::PublicKey::from_bytes(from_hex(each.key).value()).value();
    const Status verified = receipts::verify_text(each.text, key, each.seen);
    EXPECT_EQ(verified.has_value(), each.accepted)
        << each.name << (verified ? "" : ": " + verified.error().text());
    accepted += verified.has_value();
  }
  EXPECT_GE(accepted, 15u);
}

TEST(AdversaryReceipts, NoByteOfATextCanBeAltered) {
  const ReceiptCase good = receipt_cases()[8];
  ASSERT_TRUE(good.accepted) << good.name;
  const auto key = crypto::PublicKey::from_bytes(from_hex(good.key).value()).value();
  std::string text = good.text;
  for (char& c : text) {
    const char before = c;
    for (const char other :
         {static_cast<char>(before ^ 1), static_cast<char>(before ^ 0x20), '0'}) {
      if (other == before) continue;
      c = other;
      ASSERT_FALSE(receipts::verify_text(text, key)) << "at " << &c - text.data();
    }
    c = before;
  }
  EXPECT_TRUE(receipts::verify_text(text, key));
}

// Attack 42.
TEST(AdversaryReceipts, AnAnswerOtherThanTheMonitorsIsRefused) {
  ReceiptWorld world;
  const auto put = world.put(0, 4, 7);
  ASSERT_TRUE(world.check(0, 4, put));
  for (size_t i = 0; i < put.receipt.size(); ++i) {
    auto altered = put;
    altered.receipt[i] ^= std::byte{1};
    EXPECT_FALSE(world.check(0, 4, altered)) << i;
  }
  auto cut = put;
  cut.receipt.pop_back();
  EXPECT_EQ(world.check(0, 4, cut).error().code, Code::malformed);
  auto longer = put;
  longer.receipt.emplace_back();
  EXPECT_EQ(world.check(0, 4, longer).error().code, Code::malformed);
  // The answer to an earlier call, and to another client's.
  const auto again = world.put(0, 4, 7);
  EXPECT_EQ(world.check(0, 4, {again.caller, put.receipt}).error().code, Code::forged);
  const auto others = world.put(1, 4, 7);
  EXPECT_FALSE(world.check(0, 4, {again.caller, others.receipt}));
  EXPECT_FALSE(world.check(1, 4, again));
  EXPECT_TRUE(world.check(1, 4, others));
}

// Attack 38.
TEST(AdversaryReceipts, OfAnotherInstanceAreRefused) {
  ReceiptWorld world(2, 1), restarted(2, 2);
  const auto before = world.put(0, 4, 7);
  const auto after = restarted.put(0, 4, 7);
  EXPECT_EQ(before.caller.nonce, after.caller.nonce);
  EXPECT_FALSE(restarted.check(0, 4, {after.caller, before.receipt}));
  EXPECT_FALSE(restarted.check(0, 4, before));
  world.end_epoch();
  restarted.end_epoch();
  ChainView view(restarted.instance);
  EXPECT_EQ(view.accept(world.certificates[0]).error().code, Code::wrong_peer);
  EXPECT_FALSE(view.is_final(0));
  EXPECT_TRUE(view.accept(restarted.certificates[0]));
  EXPECT_TRUE(view.is_final(0));
}

// Attack 39: the host runs one instance twice, and shows each half to some clients.
TEST(AdversaryReceipts, AForkShowsWhenClientsCompareCertificates) {
  ReceiptWorld one, two;
  ASSERT_EQ(one.instance.id, two.instance.id);
  for (ReceiptWorld* world : {&one, &two}) {
    world->put(0, 1, 7, Use::transferable_call);
    world->end_epoch();
    world->put(0, 1, world == &one ? 8 : 9, Use::transferable_call);
    world->end_epoch();
    world->end_epoch();
  }
  ASSERT_EQ(one.certificates[0], two.certificates[0]);
  ChainView view(one.instance);
  for (const Certificate& each : one.certificates) EXPECT_TRUE(view.accept(each));
  EXPECT_EQ(view.accept(two.certificates[2]).error().code, Code::forged);
  ChainView crossed(one.instance);
  EXPECT_TRUE(crossed.accept(one.certificates[1]));
  EXPECT_EQ(crossed.accept(two.certificates[2]).error().code, Code::forged);
  EXPECT_TRUE(crossed.accept(one.certificates[2]));
  ChainView skipping(one.instance);
  EXPECT_TRUE(skipping.accept(one.certificates[0]));
  EXPECT_EQ(skipping.accept(one.certificates[2]).error().code, Code::not_found);
  EXPECT_FALSE(skipping.is_final(1));
}

TEST(AdversaryReceipts, ACertificateIsSignedWhole) {
  ReceiptWorld world;
  world.put(0, 1, 7, Use::transferable_call);
  for (int i = 0; i < 2; ++i) world.end_epoch();
  const Certificate good = world.certificates[1];
  ASSERT_TRUE(good.verify(world.instance.signing));
  const auto refused = [&](auto change) {
    Certificate altered = good;
    change(altered);
    return !altered.verify(world.instance.signing);
  };
  EXPECT_TRUE(refused([](Certificate& c) { ++c.epoch; }));
  EXPECT_TRUE(refused([](Certificate& c) { ++c.threads; }));
  for (size_t i = 0; i < 64; ++i) {
    const auto flip = [i](auto& bytes) { bytes[i % bytes.size()] ^= std::byte{1}; };
    EXPECT_TRUE(refused([&](Certificate& c) { flip(c.instance); }));
    EXPECT_TRUE(refused([&](Certificate& c) { flip(c.previous); }));
    EXPECT_TRUE(refused([&](Certificate& c) { flip(c.root); }));
    EXPECT_TRUE(refused([&](Certificate& c) { flip(c.secret); }));
    EXPECT_TRUE(refused([&](Certificate& c) { flip(c.signature.bytes); }));
  }
}

// What an honest signer never signs is refused as well, and each refusal says why.
TEST(AdversaryReceipts, AChainIsRefusedForWhatIsWrongWithIt) {
  ReceiptWorld world(2, 1), stranger(2, 2);
  world.put(0, 1, 7, Use::transferable_call);
  for (int i = 0; i < 3; ++i) {
    world.end_epoch();
    stranger.end_epoch();
  }
  const auto& all = world.certificates;
  const auto code = [&](std::vector<Certificate> chain) {
    const Status checked = receipts::check_chain(chain, world.instance.signing);
    return checked ? std::nullopt : std::optional(checked.error().code);
  };
  EXPECT_EQ(code(all), std::nullopt);
  EXPECT_EQ(code({}), Code::malformed);
  EXPECT_EQ(code({all[0], stranger.certificates[1]}), Code::wrong_peer);
  EXPECT_EQ(code({all[0], all[2]}), Code::not_found);
  EXPECT_EQ(code({all[1], all[0]}), Code::not_found);
  EXPECT_EQ(code({stranger.certificates[0]}), Code::forged);
  EXPECT_EQ(receipts::check_same_chain(all, stranger.certificates).error().code, Code::wrong_peer);
  SeededRng rng(1);
  const crypto::SigningKey own{crypto::SecretBytes<32>(rng)};
  Certificate first = all[0];
  first.previous = all[1].chain();
  first.sign(own);
  EXPECT_EQ(receipts::check_chain(std::span(&first, 1), own.public_key()).error().code,
            Code::forged);
  Receipt receipt = world.completed[0];
  receipt.certificates.clear();
  EXPECT_EQ(receipt.verify(world.instance.signing).error().code, Code::malformed);
  EXPECT_EQ(Receipt::parse(receipt.text()).error().code, Code::forged);
  // An old certificate shown again takes nothing back.
  ChainView view(world.instance);
  for (const size_t epoch : {0, 1, 0}) EXPECT_TRUE(view.accept(all[epoch])) << epoch;
  EXPECT_TRUE(view.is_final(1));
}

// Attack 40.
TEST(AdversaryReceipts, NothingOfAnEpochIsFinalBeforeItsCertificate) {
  ReceiptWorld world;
  world.end_epoch();
  const auto put = world.put(0, 2, 7, Use::transferable_call);
  ASSERT_TRUE(world.check(0, 2, put)) << "provisional";
  ChainView view(world.instance);
  EXPECT_TRUE(view.accept(world.certificates[0]));
  EXPECT_FALSE(view.is_final(1));
  // What the host has now: everything but the secret and the signature.
  Certificate invented = world.certificates[0];
  invented.epoch = 1;
  invented.previous = world.certificates[0].chain();
  const auto shown = world.log.complete(invented);
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown[0].verify(world.instance.signing).error().code, Code::forged);
  EXPECT_EQ(view.accept(invented).error().code, Code::forged);
  world.end_epoch();
  EXPECT_TRUE(view.accept(world.certificates[1]));
  EXPECT_TRUE(view.is_final(1));
}

// The secret alone keeps a leaf from being computed, whoever signs.
TEST(AdversaryReceipts, ALeafNeedsTheSecretOfItsEpoch) {
  ReceiptWorld world;
  world.put(0, 2, 7, Use::transferable_call);
  world.end_epoch();
  Receipt receipt = world.completed[0];
  EXPECT_TRUE(receipt.verify(world.instance.signing));
  SeededRng rng(1);
  rng.fill(world.instance.id);
  const receipts::MasterKey master(rng);
  Certificate& own = receipt.certificates[0];
  own.secret = receipts::epoch_secret(master, own.instance, 1);
  own.sign(receipts::signing_key(master, own.instance));
  ASSERT_TRUE(own.verify(world.instance.signing));
  EXPECT_EQ(receipt.verify(world.instance.signing).error().code, Code::forged);
}

// What a thread was told in vain gives no certificate, and its receipts stay provisional.
TEST(AdversaryReceipts, AfterAViolationNothingIsSigned) {
  ReceiptWorld world;
  world.put(0, 2, 7);
  world.end_epoch();
  world.change = [](uint16_t thread, Bytes& batch) {
    if (thread == 0) batch[0] ^= std::byte{1};
  };
  world.end_epoch(0);
  world.change = nullptr;
  for (int i = 0; i < 3; ++i) world.end_epoch();
  EXPECT_NE(world.certifier->aggregator().violation().reason, Reason::none);
  EXPECT_EQ(world.certificates.size(), 1u);
}

TEST(Receipts, AHostAsksWhetherACallWouldBeAdmitted) {
  ReceiptWorld world(1);
  const uint64_t key = 2, value = 7;
  const ByteView keys = std::as_bytes(std::span(&key, 1)),
                 arguments = std::as_bytes(std::span(&value, 1));
  const Caller caller = world.session(0, key).sign(Use::call, WordStore::put, keys, arguments);
  const Bytes body = receipts::call_body(caller, WordStore::put, keys, arguments);
  EXPECT_TRUE(world.monitors[0]->admits(caller, body));
  for (size_t i = 0; i < body.size(); ++i) {
    Bytes altered = body;
    altered[i] ^= std::byte{1};
    EXPECT_FALSE(world.monitors[0]->admits(caller, altered)) << i;
  }
  for (const uint16_t number : {uint16_t{1}, uint16_t{2}, uint16_t{5'000}, receipts::kNoClient}) {
    Caller other = caller;
    other.client = number;
    EXPECT_FALSE(world.monitors[0]->admits(other, body)) << number;
  }
  EXPECT_FALSE(world.monitors[0]->violation());
}

TEST(Receipts, AMonitorTakesNoHeapForThem) {
  const crypto::DhKey own = monitor::client_key_pair(0);
  SeededRng rng(1);
  monitor::MonitorOptions options;
  rng.fill(options.instance);
  const receipts::MasterKey master(rng);
  auto session =
      ClientSession::open(own, receipts::describe(master, options.instance, 1, options.prf), 0, 0)
          .value();
  host::CommandLog<WordStore> log(options.instance, 0);
  log.register_client(0, own.share());
  log.add_merkle(1'024, 0, {{1}, std::nullopt});
  const uint16_t slot[] = {1'024};
  const Word keys[] = {{1}};
  for (uint64_t i = 0; i < 40; ++i)
    log.run(
        WordStore::put, slot, keys, {Word{i}, std::nullopt},
        session.sign(Use::transferable_call, WordStore::put,
                     std::as_bytes(std::span(&keys[0].value, 1)), std::as_bytes(std::span(&i, 1))));
  log.next_epoch();
  log.verify_epoch();
  monitor::Monitor<WordStore> monitor(options, master);
  seal::Certifier<> certifier(1, options.instance, master);
  Bytes results(1 << 16);
  monitor::Output output{results};
  const ByteView sent = log.take();
  const uint64_t before = allocations();
  const bool ran = monitor.apply(sent, output) && certifier.accept(monitor.take_report().value());
  const auto certificate = certifier.take_certificate();
  EXPECT_EQ(allocations(), before);
  ASSERT_TRUE(ran && certificate) << name(monitor.violation().reason);
}

TEST(Receipts, CertificatesAreTakenBeforeTheNextReport) {
  SeededRng rng(1);
  receipts::InstanceId instance;
  rng.fill(instance);
  const receipts::MasterKey master(rng);
  seal::Certifier<> certifier(1, instance, master);
  EXPECT_TRUE(certifier.accept({0, 0, {}, {}, {}}));
  EXPECT_FALSE(certifier.accept({0, 1, {}, {}, {}}));
  EXPECT_EQ(certifier.aggregator().violation().reason, Reason::reports_pending);
  EXPECT_FALSE(certifier.take_certificate());
}

}  // namespace
}  // namespace themis::tests
