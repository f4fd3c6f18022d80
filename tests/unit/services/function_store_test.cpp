#include "actors/services/function_store.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/store/temporary_directory.hpp"

namespace themis {
namespace {

class FunctionStoreTest : public ::testing::Test {
 protected:
  void reopen() {
    store_.reset();
    environment_.reset();
    environment_ = storage::Environment::open(directory_.path(), {.durable = false}).value();
    store_.emplace(FunctionStore::open(*environment_, at_rest_).value());
  }
  static bundle::SharedKey key_of(uint8_t byte) {
    return *bundle::SharedKey::from(Bytes(32, std::byte{byte}));
  }
  void SetUp() override { reopen(); }
  static CodeId id_of(std::string_view source) { return crypto::blake2b(as_bytes(source)); }
  bool has(std::string_view source) { return store_->code(id_of(source)).has_value(); }

  bundle::SharedKey at_rest_ = key_of(9);
  storage::TemporaryDirectory directory_;
  std::unique_ptr<storage::Environment> environment_;
  std::optional<FunctionStore> store_;
};

TEST_F(FunctionStoreTest, KeepsRowsAndCodeOverARestart) {
  const DeployedRow deployed{"f", {3, id_of("one")}, 4};
  const HostedRow hosted{"g", {1, id_of("two")}, id_of("the owner")};
  ASSERT_TRUE(store_->save(deployed, as_bytes("one")));
  ASSERT_TRUE(store_->save(hosted, as_bytes("two")));
  reopen();
  const auto all = store_->load();
  ASSERT_TRUE(all);
  EXPECT_EQ(all->deployed, std::vector{deployed});
  EXPECT_EQ(all->hosted, std::vector{hosted});
  EXPECT_EQ(as_text(*store_->code(id_of("one"))), "one");
}

TEST_F(FunctionStoreTest, KeepsTheKeyOfSecretsSealedAndOnlyAsLongAsItsCode) {
  const DeployedRow deployed{"f", {3, id_of("one")}, 4, key_of(1)};
  const HostedRow hosted{"f", {3, id_of("one")}, id_of("owner"), key_of(1)};
  ASSERT_TRUE(store_->save(deployed, as_bytes("one")));
  ASSERT_TRUE(store_->save(hosted, as_bytes("one")));
  reopen();
  EXPECT_EQ(store_->load()->deployed, std::vector{deployed});
  EXPECT_EQ(store_->load()->hosted, std::vector{hosted});
  std::string files;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory_.path())) {
    std::ifstream in(file.path(), std::ios::binary);
    files.append(std::istreambuf_iterator<char>(in), {});
  }
  EXPECT_NE(files.find("one"), std::string::npos);
  EXPECT_EQ(files.find(std::string(32, '\1')), std::string::npos) << "in clear on the disk";
  at_rest_ = key_of(8);
  reopen();
  EXPECT_EQ(store_->load()->hosted,
            (std::vector{HostedRow{"f", {3, id_of("one")}, id_of("owner")}}))
      << "of another node";
  at_rest_ = key_of(9);
  reopen();
  ASSERT_TRUE(store_->erase_deployed("f"));
  EXPECT_EQ(store_->load()->hosted, std::vector{hosted});
  ASSERT_TRUE(store_->erase_hosted("f"));
  ASSERT_TRUE(store_->save(HostedRow{"g", {1, id_of("one")}}, as_bytes("one")));
  EXPECT_EQ(store_->load()->hosted, (std::vector{HostedRow{"g", {1, id_of("one")}, {}}}))
      << "it went with its code";
}

TEST_F(FunctionStoreTest, WithoutAKeyOfItsOwnItKeepsNone) {
  at_rest_ = {};
  reopen();
  EXPECT_EQ(
      store_->save(HostedRow{"f", {1, id_of("one")}, {}, key_of(1)}, as_bytes("one")).error().code,
      Code::invalid);
}

TEST_F(FunctionStoreTest, ANewVersionReplacesTheCodeOfTheOld) {
  ASSERT_TRUE(store_->save(HostedRow{"f", {1, id_of("one")}}, as_bytes("one")));
  ASSERT_TRUE(store_->save(HostedRow{"f", {2, id_of("two")}}, as_bytes("two")));
  EXPECT_FALSE(has("one"));
  EXPECT_TRUE(has("two"));
  EXPECT_EQ(store_->load()->hosted.size(), 1u);
}

TEST_F(FunctionStoreTest, CodeStaysWhileAnyRowRefersToIt) {
  ASSERT_TRUE(store_->save(DeployedRow{"f", {1, id_of("one")}, 2}, as_bytes("one")));
  ASSERT_TRUE(store_->save(HostedRow{"g", {1, id_of("one")}}, as_bytes("one")));
  ASSERT_TRUE(store_->erase_deployed("f"));
  EXPECT_TRUE(has("one"));
  ASSERT_TRUE(store_->drop_code(id_of("one")));
  EXPECT_TRUE(has("one"));
  ASSERT_TRUE(store_->erase_hosted("g"));
  EXPECT_FALSE(has("one"));
  EXPECT_TRUE(store_->erase_hosted("g")) << "nothing there is no error";
}

TEST_F(FunctionStoreTest, LoadRemovesCodeOfAnInterruptedDeployment) {
  ASSERT_TRUE(store_->put_code(as_bytes("orphan")));
  ASSERT_TRUE(store_->save(HostedRow{"g", {1, id_of("one")}}, as_bytes("one")));
  reopen();
  ASSERT_TRUE(store_->load());
  EXPECT_FALSE(has("orphan"));
  EXPECT_TRUE(has("one"));
}

TEST_F(FunctionStoreTest, AnAttemptStaysUntilItsFunctionGoes) {
  const HostedRow attempt{"f", {2, id_of("two")}};
  ASSERT_TRUE(store_->save(DeployedRow{"f", {1, id_of("one")}, 2}, as_bytes("one")));
  ASSERT_TRUE(store_->save_attempt({"f", {1, id_of("one")}}));
  ASSERT_TRUE(store_->save_attempt(attempt));
  reopen();
  EXPECT_EQ(store_->load()->attempted, std::vector{attempt});
  EXPECT_EQ(store_->load()->deployed.size(), 1u);
  ASSERT_TRUE(store_->erase_deployed("f"));
  EXPECT_TRUE(store_->load()->attempted.empty());
}

/// The owner was written by itself: a version that could not be kept left its owner behind.
TEST_F(FunctionStoreTest, RegressAnOwnerIsKeptWithItsRowOrNotAtAll) {
  at_rest_ = {};
  reopen();
  const HostedRow kept{"f", {1, id_of("one")}, id_of("ada")};
  ASSERT_TRUE(store_->save(kept, as_bytes("one")));
  ASSERT_FALSE(
      store_->save(HostedRow{"f", {2, id_of("two")}, id_of("bob"), key_of(1)}, as_bytes("two")));
  EXPECT_EQ(store_->load()->hosted, std::vector{kept});
}

/// An instance that goes took the code along that a deployment had just put.
TEST_F(FunctionStoreTest, RegressCodeOfADeploymentOutlivesARowThatGoes) {
  ASSERT_TRUE(store_->save(HostedRow{"f", {1, id_of("one")}}, as_bytes("one")));
  ASSERT_TRUE(store_->put_code(as_bytes("one")));
  ASSERT_TRUE(store_->put_code(as_bytes("one"))) << "two deployments of the same code";
  ASSERT_TRUE(store_->erase_hosted("f"));
  EXPECT_TRUE(has("one"));
  ASSERT_TRUE(store_->drop_code(id_of("one")));
  EXPECT_TRUE(has("one"));
  ASSERT_TRUE(store_->save(DeployedRow{"g", {1, id_of("one")}, 2}, as_bytes("one")));
  ASSERT_TRUE(store_->erase_deployed("g"));
  EXPECT_FALSE(has("one"));
}

TEST_F(FunctionStoreTest, KeepsACodeCacheByItsOwnerAsLongAsItsCode) {
  const CodeId one = id_of("one");
  const CodeId ada = id_of("one of ada");
  const CodeId bob = id_of("one of bob");
  EXPECT_TRUE(store_->keep_code_cache(one, ada, as_bytes("early")));
  EXPECT_FALSE(*store_->code_cache(one, ada)) << "of a code that is not here";
  ASSERT_TRUE(store_->save(HostedRow{"g", {1, one}}, as_bytes("one")));
  ASSERT_TRUE(store_->keep_code_cache(one, ada, as_bytes("compiled")));
  reopen();
  EXPECT_EQ(**store_->code_cache(one, ada), to_bytes("compiled"));
  EXPECT_FALSE(*store_->code_cache(one, bob)) << "another owner's is its own";
  ASSERT_TRUE(store_->keep_code_cache(one, ada, as_bytes("again")));
  EXPECT_EQ(**store_->code_cache(one, ada), to_bytes("again"));
  EXPECT_EQ(store_->keep_code_cache(one, ada, Bytes(2 << 20)).error().code, Code::too_large);
  ASSERT_TRUE(store_->erase_hosted("g"));
  EXPECT_FALSE(*store_->code_cache(one, ada)) << "it went with its code";
}

/// V8 would believe it.
TEST_F(FunctionStoreTest, ADamagedCodeCacheIsNone) {
  const CodeId one = id_of("one");
  ASSERT_TRUE(store_->save(HostedRow{"g", {1, one}}, as_bytes("one")));
  ASSERT_TRUE(store_->keep_code_cache(one, one, as_bytes("compiled")));
  const storage::Table table = environment_->table("function_code_caches").value();
  ASSERT_TRUE(environment_->write([&](storage::WriteTransaction& txn) {
    Bytes key(one.begin(), one.end());
    key.insert(key.end(), one.begin(), one.end());
    const auto found = txn.get(table, key).value();
    Bytes value(found.begin(), found.end());
    value.back() ^= std::byte{1};
    return txn.put(table, key, value);
  }));
  EXPECT_FALSE(*store_->code_cache(one, one));
}

/// Rows of the first format say nothing of events: their code has to be looked at.
TEST_F(FunctionStoreTest, ReadsRowsOfTheFirstFormat) {
  ASSERT_TRUE(store_->save(HostedRow{"g", {1, id_of("one")}}, as_bytes("one")));
  EXPECT_FALSE(store_->load()->hosted.front().has_events);
  const storage::Table table = environment_->table("functions_hosted").value();
  ASSERT_TRUE(environment_->write([&](storage::WriteTransaction& txn) {
    const auto found = txn.get(table, as_bytes("g")).value();
    Bytes row(found.begin(), found.end() - 1);
    row.front() = std::byte{1};
    return txn.put(table, as_bytes("g"), row);
  }));
  reopen();
  ASSERT_EQ(store_->load()->hosted.size(), 1u);
  EXPECT_TRUE(store_->load()->hosted.front().has_events);
  ASSERT_TRUE(store_->erase_hosted("g"));
  EXPECT_FALSE(has("one"));
}

TEST_F(FunctionStoreTest, KeepsSoMuchCodeOnly) {
  const auto small = FunctionStore::open(*environment_, {}, 2 * 1000);
  FunctionStore store = *small;
  const auto save = [&](const std::string& name, char fill) {
    const std::string source(1000, fill);
    return store.save(HostedRow{name, {1, id_of(source)}}, as_bytes(source));
  };
  ASSERT_TRUE(save("a", 'a'));
  ASSERT_TRUE(save("b", 'b'));
  EXPECT_TRUE(save("c", 'a')) << "it is there already";
  EXPECT_EQ(save("d", 'd').error().code, Code::overloaded);
  ASSERT_TRUE(store.erase_hosted("b"));
  EXPECT_TRUE(save("d", 'd'));
  EXPECT_EQ(save("e", 'e').error().code, Code::overloaded);
}

TEST_F(FunctionStoreTest, LeavesOutADamagedRow) {
  ASSERT_TRUE(store_->save(HostedRow{"g", {1, id_of("one")}}, as_bytes("one")));
  const storage::Table table = environment_->table("functions_hosted").value();
  ASSERT_TRUE(environment_->write([&](storage::WriteTransaction& txn) {
    return txn.put(table, as_bytes("h"), as_bytes("garbage"));
  }));
  const auto all = store_->load();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->hosted.size(), 1u);
  EXPECT_EQ(all->hosted.front().name, "g");
}

TEST_F(FunctionStoreTest, RefusesCodeOverTheLimit) {
  EXPECT_EQ(store_->put_code(Bytes(kSourceBytesMax + 1)).error().code, Code::too_large);
}

}  // namespace
}  // namespace themis
