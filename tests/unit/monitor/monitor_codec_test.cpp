// What a host and its monitors tell each other of clients, as messages: round trips, and what a
// hostile side could send.

#include "actors/monitor/monitor_codec.hpp"

#include <gtest/gtest.h>

namespace themis {
namespace {

receipts::Instance example_run(uint16_t threads = 2) {
  receipts::Instance run;
  run.id.fill(std::byte{1});
  run.threads = threads;
  run.prf = crypto::PrfKind::siphash;
  run.agreement.bytes.fill(std::byte{2});
  run.signing.bytes.fill(std::byte{3});
  return run;
}

template <class Schema, class Change>
wire::Msg<Schema> built(Change change) {
  wire::Builder<Schema> message(64);
  change(*message);
  return message.finish();
}
Bytes bytes(size_t count) { return Bytes(count, std::byte{7}); }
template <class T>
Code code_of(const Result<T>& result) {
  return result ? Code{} : result.error().code;
}

TEST(MonitorCodec, TellsOfARun) {
  const auto read = decode_started(encode_started({example_run(), true}), 2);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_TRUE(read->clients_only);
  EXPECT_EQ(read->instance.id, example_run().id);
  EXPECT_EQ(read->instance.threads, 2);
  EXPECT_EQ(read->instance.prf, crypto::PrfKind::siphash);
  EXPECT_EQ(read->instance.agreement, example_run().agreement);
  EXPECT_EQ(read->instance.signing, example_run().signing);
}

TEST(MonitorCodec, RefusesARunThatIsNone) {
  const auto started = [](size_t id, size_t share, size_t key, uint8_t prf) {
    const auto message = built<schema::MonitorsStarted>([&](auto& to) {
      to.setInstance(wire::to_data(bytes(id)));
      to.setAgreement(wire::to_data(bytes(share)));
      to.setSigning(wire::to_data(bytes(key)));
      to.setPrf(prf);
    });
    return code_of(decode_started(message, 1));
  };
  EXPECT_EQ(started(16, 32, 32, 1), Code{});
  EXPECT_EQ(started(15, 32, 32, 1), Code::malformed);
  EXPECT_EQ(started(16, 33, 32, 1), Code::malformed);
  EXPECT_EQ(started(16, 32, 0, 1), Code::malformed);
  EXPECT_EQ(started(16, 32, 32, 0), Code::malformed);
  EXPECT_EQ(started(16, 32, 32, 4), Code::malformed);
}

TEST(MonitorCodec, CertificatesAreOfTheRun) {
  seal::Released released;
  released.results = {to_bytes("one"), {}};
  released.certified = 8;
  receipts::Certificate certificate;
  certificate.instance = example_run().id;
  certificate.threads = 2;
  certificate.epoch = 8;
  certificate.previous.fill(std::byte{4});
  certificate.root.fill(std::byte{5});
  certificate.secret.fill(std::byte{6});
  certificate.signature.bytes.fill(std::byte{7});
  released.certificates = {certificate, certificate};
  const auto read = decode_released(encode_released(released, {}), example_run(), {});
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->results, released.results);
  EXPECT_EQ(read->certified, released.certified);
  EXPECT_EQ(read->certificates, released.certificates);
  EXPECT_EQ(code_of(decode_released(encode_released(released, {}), example_run(3), {})),
            Code::malformed);
}

TEST(MonitorCodec, RefusesCertificatesThatAreNone) {
  const auto released = [](unsigned count, size_t root, size_t signature) {
    const auto message = built<schema::Released>([&](auto& to) {
      to.initResults(1);
      auto certificates = to.initCertificates(count);
      for (auto each : certificates) {
        each.setPrevious(wire::to_data(bytes(32)));
        each.setRoot(wire::to_data(bytes(root)));
        each.setSecret(wire::to_data(bytes(16)));
        each.setSignature(wire::to_data(bytes(signature)));
      }
    });
    return code_of(decode_released(message, example_run(1), {}));
  };
  EXPECT_EQ(released(2, 32, 64), Code{});
  EXPECT_EQ(released(1, 31, 64), Code::malformed);
  EXPECT_EQ(released(1, 32, 65), Code::malformed);
  EXPECT_EQ(released(seal::kHeldCertificatesMax + 1, 32, 64), Code::malformed);
}

TEST(MonitorCodec, RegistersAClient) {
  seal::ClientEntry client{5, {}, {}};
  client.share.bytes.fill(std::byte{1});
  client.grant.bytes.fill(std::byte{2});
  const auto read = decode_register(encode_register(3, client));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->thread, 3);
  EXPECT_EQ(read->client.number, 5);
  EXPECT_EQ(read->client.share, client.share);
  EXPECT_EQ(read->client.grant, client.grant);
  const auto registered = [](size_t share, size_t grant) {
    return code_of(decode_register(built<schema::RegisterClient>([&](auto& to) {
      to.setShare(wire::to_data(bytes(share)));
      to.setGrant(wire::to_data(bytes(grant)));
    })));
  };
  EXPECT_EQ(registered(32, 64), Code{});
  EXPECT_EQ(registered(31, 64), Code::malformed);
  EXPECT_EQ(registered(32, 0), Code::malformed);
}

TEST(MonitorCodec, AsksWhetherACallIsAClients) {
  const Bytes body = bytes(100);
  const ClientCall call{4, {9, receipts::Use::transferable_call, UINT64_MAX, {1, 2}}, body};
  const AdmitCallMsg message = encode_admit(call);
  const auto read = decode_admit(message);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->thread, 4);
  EXPECT_EQ(read->caller.client, 9);
  EXPECT_EQ(read->caller.use, receipts::Use::transferable_call);
  EXPECT_EQ(read->caller.nonce, UINT64_MAX);
  EXPECT_EQ(read->caller.tag, call.caller.tag);
  EXPECT_EQ(to_hex(read->body), to_hex(body));
  const auto asked = [](uint8_t use, size_t tag, size_t length) {
    return code_of(decode_admit(built<schema::AdmitCall>([&](auto& to) {
      to.setUse(use);
      to.setTag(wire::to_data(bytes(tag)));
      to.setBody(wire::to_data(bytes(length)));
    })));
  };
  EXPECT_EQ(asked(1, 16, kCallBodyBytesMax), Code{});
  EXPECT_EQ(asked(0, 16, 9), Code::malformed);
  EXPECT_EQ(asked(3, 16, 9), Code::malformed) << "the use of receipts";
  EXPECT_EQ(asked(1, 8, 9), Code::malformed);
  EXPECT_EQ(asked(1, 16, kCallBodyBytesMax + 1), Code::too_large);
  for (const bool admitted : {false, true})
    EXPECT_EQ(decode_admitted(encode_admitted(admitted)).value(), admitted);
}

}  // namespace
}  // namespace themis
