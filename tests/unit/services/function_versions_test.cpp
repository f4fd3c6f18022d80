// The versions that a store keeps of what is deployed, and the code that goes with them.
#include <gtest/gtest.h>

#include "actors/services/function_store.hpp"
#include "actors/services/version_rows.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis {
namespace {

class FunctionVersionsTest : public ::testing::Test {
 protected:
  void reopen(size_t codes_bytes_max = FunctionStore::kCodesBytesMax) {
    store_.reset();
    environment_.reset();
    environment_ = storage::Environment::open(directory_.path(), {.durable = false}).value();
    store_.emplace(FunctionStore::open(*environment_, key_of(9), codes_bytes_max).value());
    ASSERT_TRUE(store_->load());
  }
  void SetUp() override { reopen(); }
  static bundle::SharedKey key_of(uint8_t byte) {
    return *bundle::SharedKey::from(Bytes(32, std::byte{byte}));
  }
  static CodeId id_of(std::string_view source) { return crypto::blake2b(as_bytes(source)); }
  bool has(const std::string& source) { return store_->code(id_of(source)).has_value(); }
  void deploy(const std::string& name, uint32_t number, const std::string& source,
              bundle::SharedKey key = {}) {
    const DeployedRow row{name, {number, id_of(source)}, 3, std::move(key)};
    ASSERT_TRUE(store_->save(row, as_bytes(source), {.restores = 0, .deployed_ms = number}));
  }
  std::vector<uint32_t> numbers(const std::string& name) {
    std::vector<uint32_t> out;
    const auto all = store_->versions(name);
    if (!all) return out;
    for (const KeptVersion& kept : *all) out.push_back(kept.version.number);
    return out;
  }

  storage::TemporaryDirectory directory_;
  std::unique_ptr<storage::Environment> environment_;
  std::optional<FunctionStore> store_;
};

TEST_F(FunctionVersionsTest, AreThereAgainAfterARestartWithCodeAndKeyOfSecrets) {
  deploy("f", 1, "one", key_of(1));
  deploy("f", 2, "two");
  reopen();
  EXPECT_EQ(numbers("f"), (std::vector<uint32_t>{2, 1}));
  const auto first = store_->load_version("f", 1);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(first->version, (KeptVersion{{1, id_of("one")}, 3, 0, 1}));
  EXPECT_EQ(as_text(first->source), "one");
  EXPECT_EQ(first->key, key_of(1));
  EXPECT_EQ(store_->load_version("f", 2)->key, bundle::SharedKey());
}

TEST_F(FunctionVersionsTest, TheOneBeforeIsTheLastWithOtherCode) {
  deploy("f", 1, "one");
  EXPECT_EQ(store_->load_version("f", {}).error().code, Code::not_found);
  deploy("f", 2, "two");
  deploy("f", 3, "two");
  EXPECT_EQ(store_->load_version("f", {})->version.version.number, 1u);
  deploy("f", 4, "one");
  EXPECT_EQ(store_->load_version("f", {})->version.version.number, 3u) << "and back again";
  EXPECT_EQ(store_->load_version("f", 7).error().detail,
            "no version 7 of \"f\" is kept here; there is: 4, 3, 2, 1");
}

TEST_F(FunctionVersionsTest, TheOldestGoesWithItsCodePastTheLimit) {
  for (uint32_t i = 1; i <= kVersionsMax + 2; ++i) deploy("f", i, "code " + std::to_string(i));
  EXPECT_EQ(numbers("f").size(), kVersionsMax);
  EXPECT_EQ(numbers("f").back(), 3u);
  EXPECT_FALSE(has("code 2"));
  EXPECT_TRUE(has("code 3"));
}

TEST_F(FunctionVersionsTest, CodeStaysWhileAnyVersionHasIt) {
  deploy("f", 1, "shared");
  deploy("g", 1, "shared");
  deploy("g", 2, "other");
  ASSERT_TRUE(store_->erase_deployed("f"));
  EXPECT_TRUE(has("shared")) << "an earlier version of g";
  EXPECT_TRUE(numbers("f").empty());
  reopen();
  EXPECT_TRUE(has("shared"));
  ASSERT_TRUE(store_->erase_deployed("g"));
  EXPECT_FALSE(has("shared"));
  EXPECT_FALSE(has("other"));
}

TEST_F(FunctionVersionsTest, OfNamesThatBeginAlikeAreNotMixed) {
  deploy("f", 256, "one");
  deploy("f", 2, "two");
  deploy("f-2", 1, "three");
  EXPECT_EQ(numbers("f"), (std::vector<uint32_t>{256, 2}));
  EXPECT_EQ(numbers("f-2"), std::vector<uint32_t>{1});
}

TEST_F(FunctionVersionsTest, EarlierOnesLeaveHalfOfTheRoomToOthers) {
  reopen(100);
  const auto code = [](char letter) { return std::string(30, letter); };
  deploy("f", 1, code('a'));
  deploy("f", 2, code('b'));
  EXPECT_TRUE(numbers("f") == std::vector<uint32_t>{2}) << "60 of 100 bytes";
  EXPECT_FALSE(has(code('a')));
  deploy("g", 1, code('c'));
  EXPECT_TRUE(has(code('b')) && has(code('c')));
}

TEST_F(FunctionVersionsTest, ARowThatIsNoneIsNoVersion) {
  const Bytes key = key_of_version("f", 7);
  const KeptVersion kept{{7, id_of("x")}, 1, 3, 12};
  EXPECT_EQ(decode_version(key, encode_version(kept)), kept);
  Bytes other = encode_version(kept);
  other[0] = std::byte{9};
  EXPECT_FALSE(decode_version(key, other));
  other.pop_back();
  EXPECT_FALSE(decode_version(key, other));
  EXPECT_FALSE(decode_version({}, encode_version(kept)));
}

}  // namespace
}  // namespace themis
