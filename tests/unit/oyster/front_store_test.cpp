// What an Oyster front keeps on disk, and the codes that a node keeps for fronts of others.

#include <gtest/gtest.h>

#include "actors/oyster/code_shelf.hpp"
#include "actors/oyster/front_store.hpp"
#include "actors/oyster/installed_codes.hpp"
#include "actors/oyster/machine_memory.hpp"
#include "runtime/crypto/hash.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis {
namespace {

using oyster::Bill;

Bill::Hash hash_of(uint8_t fill) {
  Bill::Hash hash;
  hash.fill(std::byte{fill});
  return hash;
}

class OysterDisk : public ::testing::Test {
 protected:
  OysterDisk() { open(); }
  /// As after a restart.
  void open() {
    environment_.reset();
    environment_ = std::move(*storage::Environment::open(directory_.path()));
  }
  FrontStore store() { return FrontStore::open(*environment_).value(); }

  storage::TemporaryDirectory directory_;
  std::unique_ptr<storage::Environment> environment_;
};

TEST_F(OysterDisk, KeepsBillsClaimsAndTheStateOfAFront) {
  EXPECT_TRUE(store().load()->costs.empty());
  ASSERT_TRUE(store().save(
      {.costs = {{hash_of(1), 7}, {hash_of(2), 1}}, .latest = "{}", .is_unregistered = true}));
  ASSERT_TRUE(store().save({.costs = {{hash_of(1), 9}, {hash_of(2), 0}, {hash_of(3), 0}}}));
  open();
  const auto kept = store().load();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->costs, (std::map<Bill::Hash, uint64_t>{{hash_of(1), 9}}));
  EXPECT_EQ(kept->latest, "{}");
  EXPECT_TRUE(kept->is_unregistered);
  ASSERT_TRUE(store().save({.costs = {}, .is_unregistered = false}));
  ASSERT_TRUE(store().save({.costs = {}, .is_unregistered = false})) << "twice is no error";
  EXPECT_FALSE(store().load()->is_unregistered);
}

TEST_F(OysterDisk, DoesNotGuessADamagedBill) {
  ASSERT_TRUE(store().save({.costs = {{hash_of(1), 7}}}));
  const storage::Table table = environment_->table("oyster").value();
  ASSERT_TRUE(environment_->write([&](storage::WriteTransaction& txn) {
    return txn.put(table, as_bytes("cost/short"), as_bytes("12345678"));
  }));
  EXPECT_EQ(store().load().error().code, Code::malformed);
}

TEST_F(OysterDisk, KeepsCodesUpToItsLimit) {
  constexpr size_t kBytesMax = 1000;
  const auto code = [](char fill) { return to_bytes(std::string(400, fill)); };
  CodeShelf shelf = CodeShelf::open(*environment_, kBytesMax).value();
  ASSERT_TRUE(shelf.keep(code('a')));
  ASSERT_TRUE(shelf.keep(code('a')));
  EXPECT_EQ(shelf.bytes(), 400u) << "the same one once";
  for (const char fill : {'b', 'c', 'd'}) {
    ASSERT_TRUE(shelf.keep(code(fill)));
    EXPECT_LE(shelf.bytes(), kBytesMax);
    EXPECT_EQ(shelf.load(crypto::blake2b(code(fill))).value(), code(fill));
  }
  open();
  EXPECT_EQ(CodeShelf::open(*environment_, kBytesMax)->bytes(), 800u) << "counted anew";
}

TEST(OysterCodes, ThoseUsedLastStayAndTheOthersAreUninstalled) {
  const auto code = std::make_shared<const Bytes>(40);
  const auto id = [](uint8_t fill) {
    CodeId made{};
    made.fill(std::byte{fill});
    return made;
  };
  InstalledCodes codes(100);
  EXPECT_TRUE(codes.keep(id(1), code).empty());
  EXPECT_TRUE(codes.keep(id(2), code).empty());
  codes.installed(id(1));
  codes.installed(id(2));
  EXPECT_TRUE(codes.find(id(1)));
  EXPECT_EQ(codes.keep(id(3), code), std::vector{id(2)});
  EXPECT_FALSE(codes.find(id(2)));
  EXPECT_TRUE(codes.is_installed(id(1)));
  EXPECT_FALSE(codes.is_installed(id(3)));
  EXPECT_TRUE(codes.keep(id(4), code) == std::vector{id(1)} && codes.count() == 2)
      << "what was never installed needs no word";
}

TEST(OysterCodes, AdversaryNoTwoShareAnOwnerOrHaveAFunctionsName) {
  const auto source = std::make_shared<const Bytes>(1);
  const InstallFunction a = description_of(crypto::blake2b(as_bytes("a")), source, {});
  const InstallFunction b = description_of(crypto::blake2b(as_bytes("b")), source, {});
  EXPECT_NE(a.owner, b.owner);
  EXPECT_TRUE(a.owner.starts_with("oyster/") && a.name.starts_with("oyster:"));
  EXPECT_TRUE(a.deployer.empty()) << "nobody's exported functions are its own";
}

TEST(MachineMemory, IsWhatProgramsCannotHave) {
  EXPECT_EQ(used_memory_percent("MemTotal:  1000 kB\nMemFree:  1 kB\nMemAvailable:  600 kB\n"), 40);
  EXPECT_EQ(used_memory_percent("MemTotal: 10 kB\nMemAvailable: 20 kB\n"), 0);
  for (const char* wrong : {"", "MemTotal: 0 kB\nMemAvailable: 0 kB", "MemTotal:", "MemTotal: x"})
    EXPECT_EQ(used_memory_percent(wrong), 100) << wrong;
  EXPECT_LT(used_memory_percent(), 100);
}

}  // namespace
}  // namespace themis
