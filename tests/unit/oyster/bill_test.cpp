#include "runtime/oyster/bill.hpp"

#include <gtest/gtest.h>

#include "runtime/crypto/keccak.hpp"
#include "runtime/http/json.hpp"

namespace themis::oyster {
namespace {

crypto::RecoverableKey make_key() {
  SeededRng rng(1);
  std::array<std::byte, 32> secret{};
  secret.back() = std::byte{7};
  return std::move(*crypto::RecoverableKey::from_secret(secret, rng));
}

Bill::Hash hash_of(uint8_t fill) {
  Bill::Hash hash;
  hash.fill(std::byte{fill});
  return hash;
}

TEST(OysterBill, CountsOneAndTwoForEachMillisecond) {
  EXPECT_EQ(cost_of(0), 1u);
  EXPECT_EQ(cost_of(10), 21u);
  Bill bill;
  EXPECT_EQ(bill.inspect().body, R"({"bill":{}})");
  bill.add(hash_of(0x11), 3);
  bill.add(hash_of(0x11), 4);
  EXPECT_EQ(bill.inspect().body, R"({"bill":{"0x)" + to_hex(hash_of(0x11)) + R"(":7}})");
}

TEST(OysterBill, ClaimsWhatIsThereOnceAndSignsIt) {
  const crypto::RecoverableKey key = make_key();
  Bill bill;
  bill.add(hash_of(0x11), 258);
  bill.add(hash_of(0x22), 5);
  const std::string nonce(64, 'a');
  const std::string ask = R"({"nonce":")" + nonce + R"(","tx_hashes":["0x)" +
                          to_hex(hash_of(0x11)) + R"(",")" + to_hex(hash_of(0x33)) + R"(",7]})";
  EXPECT_EQ(bill.latest().status, 400);
  const Bill::Claim claim = bill.claim(ask, key);
  const http::Response& claimed = claim.response;
  ASSERT_EQ(claimed.status, 200) << claimed.body;
  const auto json = http::parse_json(claimed.body);
  const std::string data = http::string_or(*json, "bill_claim_data", "");
  EXPECT_EQ(data, nonce + to_hex(hash_of(0x11)) + std::string(28, '0') + "0102");
  crypto::RecoverableSignature signature{};
  std::ranges::copy(*from_hex(http::string_or(*json, "signature", "")), signature.begin());
  EXPECT_EQ(crypto::recover(crypto::keccak256(*from_hex(data)), signature), key.public_key());
  EXPECT_EQ(bill.latest().status, 400);
  bill.settle(claim);
  EXPECT_EQ(bill.latest().body, claimed.body);
  EXPECT_EQ(bill.claim(ask, key).response.body,
            "Given transaction hashes are not present in billing data");
  EXPECT_EQ(bill.inspect().body, R"({"bill":{"0x)" + to_hex(hash_of(0x22)) + R"(":5}})");
}

TEST(OysterBill, HasItsCostsBackWhenAClaimIsNotKept) {
  const crypto::RecoverableKey key = make_key();
  Bill bill;
  bill.add(hash_of(0x11), 258);
  const std::string ask = R"({"nonce":")" + std::string(64, 'a') + R"(","tx_hashes":["0x)" +
                          to_hex(hash_of(0x11)) + R"("]})";
  const Bill::Claim claim = bill.claim(ask, key);
  EXPECT_EQ(bill.cost(hash_of(0x11)), 0u);
  bill.add(hash_of(0x11), 2);  // meanwhile
  bill.undo(claim);
  EXPECT_EQ(bill.cost(hash_of(0x11)), 260u);
  EXPECT_EQ(bill.latest().status, 400);
}

TEST(OysterBill, RefusesInOystersWords) {
  const crypto::RecoverableKey key = make_key();
  Bill bill;
  EXPECT_EQ(bill.latest().body, "No bill claimed yet!");
  EXPECT_EQ(bill.claim(R"({"tx_hashes":["a"]})", key).response.body, "Nonce must not be empty!");
  EXPECT_EQ(bill.claim(R"({"nonce":"aa"})", key).response.body,
            "List of transaction hashes must not be empty!");
  EXPECT_EQ(bill.claim("no JSON", key).response.status, 400);
  EXPECT_TRUE(bill.claim(R"({"nonce":"aa","tx_hashes":["b"]})", key)
                  .response.body.starts_with("Failed to decode nonce into 32 bytes: "));
}

TEST(OysterBill, HasALimit) {
  Bill bill;
  for (size_t i = 0; i < Bill::kTransactionsMax; ++i) {
    Bill::Hash hash{};
    store(hash.data(), static_cast<uint64_t>(i));
    ASSERT_TRUE(bill.has_room_for(hash));
    bill.add(hash, 1);
  }
  EXPECT_FALSE(bill.has_room_for(hash_of(0x77)));
  EXPECT_TRUE(bill.has_room_for(Bill::Hash{}));
}

}  // namespace
}  // namespace themis::oyster
