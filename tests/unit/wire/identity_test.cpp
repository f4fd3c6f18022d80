#include "wire/identity.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "runtime/crypto/hash.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::wire {
namespace {

namespace fs = std::filesystem;

class IdentityFile : public testing::Test {
 protected:
  Result<Identity> load(std::string_view network = "testnet") {
    return load_or_create_identity(path(), network, rng_);
  }
  fs::path path() const { return folder_ / "identity"; }
  std::string content() const {
    std::ifstream file(path());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put(const std::string& text) {
    std::ofstream(path()) << text;
    fs::permissions(path(), fs::perms::owner_read | fs::perms::owner_write);
  }

  const storage::TemporaryDirectory directory_;
  const fs::path folder_ = directory_.path();
  SystemRng rng_;
};

TEST(NodeId, IsTheFramedHashOfKeyAndNetwork) {
  SeededRng rng(1);
  const Identity identity = Identity::generate("twiitr", rng);
  Bytes spelled = to_bytes("themis/id/v1");
  append(spelled, from_hex("2000000000000000").value());
  append(spelled, identity.public_key().view());
  append(spelled, from_hex("0600000000000000").value());
  append(spelled, as_bytes("twiitr"));
  EXPECT_EQ(identity.id().bytes, crypto::blake2b(spelled));
  EXPECT_EQ(identity.id(), node_id(identity.public_key(), "twiitr"));
  EXPECT_NE(identity.id(), node_id(identity.public_key(), "twiitr2"));
}

TEST_F(IdentityFile, IsCreatedOncePrivateAndReadBack) {
  const auto first = load();
  ASSERT_TRUE(first) << first.error().text();
  struct stat info {};
  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  const auto second = load();
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_EQ(second->id(), first->id());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "nothing else is left";
}

TEST_F(IdentityFile, AdversaryReadsAFileThatOthersMayRead) {
  ASSERT_TRUE(load());
  for (const mode_t mode : {0640u, 0604u, 0620u, 0602u, 0610u, 0601u, 0666u}) {
    ASSERT_EQ(chmod(path().c_str(), mode), 0);
    const auto refused = load();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::denied);
    EXPECT_NE(refused.error().detail.find("chmod 600 " + path().string()), std::string::npos)
        << refused.error().detail;
  }
  ASSERT_EQ(chmod(path().c_str(), 0400), 0);
  EXPECT_TRUE(load());
}

TEST_F(IdentityFile, RefusesEveryTruncationAndExtension) {
  ASSERT_TRUE(load());
  const std::string whole = content();
  for (size_t size = 0; size < whole.size(); ++size) {
    put(whole.substr(0, size));
    const auto refused = load();
    ASSERT_FALSE(refused) << size;
    EXPECT_EQ(refused.error().code, Code::malformed) << size;
  }
  for (const std::string& more : {std::string("x"), std::string("\n"), std::string(100'000, 'x')}) {
    put(whole + more);
    EXPECT_EQ(load().error().code, Code::malformed);
  }
  put(whole);
  EXPECT_TRUE(load());
}

TEST_F(IdentityFile, RefusesAnotherVersionOrWord) {
  ASSERT_TRUE(load());
  const std::string whole = content();
  for (const auto& [from, to] : {std::pair{"identity 1", "identity 2"},
                                 {"network ", "netwerk "},
                                 {"seed ", "Seed "},
                                 {"testnet", "test/et"}}) {
    std::string changed = whole;
    changed.replace(changed.find(from), std::string_view(from).size(), to);
    put(changed);
    EXPECT_EQ(load().error().code, Code::malformed) << to;
  }
}

TEST_F(IdentityFile, OfAnotherNetworkIsAClearError) {
  ASSERT_TRUE(load("first"));
  const auto refused = load("second");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid);
  EXPECT_NE(refused.error().detail.find("network \"first\", not \"second\""), std::string::npos);
}

TEST_F(IdentityFile, NeedsItsDirectoryAndAPlainFile) {
  EXPECT_EQ(load_or_create_identity(folder_ / "missing" / "identity", "testnet", rng_).error().code,
            Code::io);
  EXPECT_EQ(load_or_create_identity(folder_, "testnet", rng_).error().code, Code::denied);
  EXPECT_EQ(load_or_create_identity(path(), "no/name", rng_).error().code, Code::invalid);
}

TEST_F(IdentityFile, ErrorsDoNotShowTheSeed) {
  ASSERT_TRUE(load());
  const std::string whole = content();
  const std::string seed = whole.substr(whole.find("seed ") + 5, 64);
  put(whole + "x");
  EXPECT_EQ(load().error().detail.find(seed.substr(0, 8)), std::string::npos);
  put(whole);
  EXPECT_EQ(load("second").error().detail.find(seed.substr(0, 8)), std::string::npos);
}

TEST_F(IdentityFile, RotatesInOneStep) {
  const NodeId first = load()->id();
  const auto rotated = rotate_identity(path(), "testnet", rng_, 1000, 2000);
  ASSERT_TRUE(rotated) << rotated.error().text();
  const auto read = load();
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->id(), rotated->id());
  EXPECT_NE(read->id(), first);
  ASSERT_EQ(read->former().size(), 1u);
  EXPECT_EQ(node_id(read->former()[0].old_key, "testnet"), first);
  EXPECT_EQ(read->former(), rotated->former());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(rotate_identity(path(), "testnet", rng_, 1000, 2000));
  EXPECT_EQ(load()->former().size(), kSuccessionsMax);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1)
      << "nothing else is left";
}

/// Who copied the directory entry, or has the old file open, finds no key in it.
TEST_F(IdentityFile, OverwritesTheSecretThatWasReplaced) {
  ASSERT_TRUE(load());
  fs::create_hard_link(path(), folder_ / "other-name");
  const std::string old = content();
  ASSERT_TRUE(rotate_identity(path(), "testnet", rng_, 1000, 2000));
  std::ifstream other(folder_ / "other-name");
  const std::string left{std::istreambuf_iterator<char>(other), {}};
  EXPECT_EQ(left.find_first_not_of('\0'), left.npos);
  EXPECT_GE(left.size(), old.size());
}

TEST_F(IdentityFile, IsNotRotatedWhenItIsMissingDamagedOrOfAnotherNetwork) {
  EXPECT_EQ(rotate_identity(path(), "testnet", rng_, 1000, 2000).error().code, Code::io);
  EXPECT_FALSE(fs::exists(path()));
  ASSERT_TRUE(load());
  EXPECT_EQ(rotate_identity(path(), "othernet", rng_, 1000, 2000).error().code, Code::invalid);
  const std::string genuine = content();
  put(genuine + "former 00\n");
  EXPECT_EQ(rotate_identity(path(), "testnet", rng_, 1000, 2000).error().code, Code::malformed);
  EXPECT_EQ(load().error().code, Code::malformed);
}

}  // namespace
}  // namespace themis::wire
