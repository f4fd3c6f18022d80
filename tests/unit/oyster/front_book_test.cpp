// The bill of a front: nothing is said before the disk has it, and a claim that the disk did not
// take was never made.

#include "actors/oyster/front_book.hpp"

#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/system.hpp"
#include "tests/unit/oyster/do.hpp"

namespace themis {
namespace {

using oyster::Bill;
using testing::Do;

Bill::Hash hash_of(uint8_t fill) {
  Bill::Hash hash;
  hash.fill(std::byte{fill});
  return hash;
}

crypto::RecoverableKey make_key() {
  SeededRng rng(1);
  std::array<std::byte, 32> secret{};
  secret.back() = std::byte{7};
  return std::move(*crypto::RecoverableKey::from_secret(secret, rng));
}

/// A disk that takes what the test lets it, in order.
class Disk final : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;
  caf::behavior make_behavior() override {
    return {[this](const SaveFront& save) -> caf::result<caf::unit_t> {
              auto promise = make_response_promise<caf::unit_t>();
              waiting_.emplace_back(save.change, promise);
              return promise;
            },
            [](const Do& what) { what.work(); }};
  }
  void on_exit() override { waiting_.clear(); }
  /// The oldest write.
  FrontStore::Change end(bool is_taken) {
    auto [change, promise] = waiting_.at(0);
    waiting_.erase(waiting_.begin());
    is_taken ? promise.deliver(caf::unit) : promise.deliver(to_caf({Code::io, "it is full"}));
    return change;
  }
  size_t waiting() const { return waiting_.size(); }

 private:
  std::vector<std::pair<FrontStore::Change, caf::typed_response_promise<caf::unit_t>>> waiting_;
};

class Front final : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;
  caf::behavior make_behavior() override {
    return {[](const Do& what) { what.work(); }};
  }
  void on_exit() override { book.stop(); }
  FrontBook book{*this};
};

/// In one thread.
class FrontBookTest : public ::testing::Test {
 protected:
  FrontBookTest() {
    book().start({{{hash_of(1), 5}}, "", false}, disk_actor_);
    run();
  }
  ~FrontBookTest() override {
    caf::anon_send_exit(front_actor_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(disk_actor_, caf::exit_reason::user_shutdown);
    run();
  }
  void run() { static_cast<caf::scheduler::test_coordinator&>(system_.caf().scheduler()).run(); }
  void at_front(std::function<void()> work) {
    caf::anon_send(front_actor_, Do{std::move(work)});
    run();
  }
  template <class T>
  static T& self(const caf::actor& handle) {
    return *static_cast<T*>(caf::actor_cast<caf::abstract_actor*>(handle));
  }
  FrontBook& book() { return self<Front>(front_actor_).book; }
  Disk& disk() { return self<Disk>(disk_actor_); }
  /// What becomes of it is noted.
  void charge(uint8_t transaction, uint64_t cost) {
    at_front([this, transaction, cost] {
      book().charge(hash_of(transaction), cost,
                    [this](const Status& kept) { said_ += kept ? 'k' : 'f'; });
    });
  }
  void claim(uint8_t transaction) {
    const std::string ask = R"({"nonce":")" + std::string(64, 'a') + R"(","tx_hashes":[")" +
                            to_hex(hash_of(transaction)) + R"("]})";
    at_front([this, ask] {
      book().claim(ask, key_, [this](http::Response response) { claimed_ = std::move(response); });
    });
  }
  FrontStore::Change write(bool is_taken = true) {
    FrontStore::Change change;
    caf::anon_send(disk_actor_, Do{[&] { change = disk().end(is_taken); }});
    run();
    return change;
  }

  const crypto::RecoverableKey key_ = make_key();
  System system_{System::Scheduling::virtual_time};
  caf::actor disk_actor_ = caf::actor_cast<caf::actor>(system_.caf().spawn<Disk>());
  caf::actor front_actor_ = caf::actor_cast<caf::actor>(system_.caf().spawn<Front>());
  std::string said_;
  std::optional<http::Response> claimed_;
};

using Costs = decltype(FrontStore::Change::costs);

TEST_F(FrontBookTest, SaysNothingBeforeTheDiskHasIt) {
  charge(1, 2);
  EXPECT_EQ(said_, "");
  EXPECT_EQ(write().costs, (Costs{{hash_of(1), 7}})) << "with what was owed before the start";
  EXPECT_EQ(said_, "k");
}

TEST_F(FrontBookTest, WritesTogetherWhatComesMeanwhile) {
  charge(1, 2);
  charge(2, 3);
  charge(2, 4);
  EXPECT_EQ(disk().waiting(), 1u);
  write();
  EXPECT_EQ(said_, "k");
  EXPECT_EQ(write().costs, (Costs{{hash_of(2), 7}}));
  EXPECT_EQ(said_, "kkk");
  EXPECT_EQ(disk().waiting(), 0u);
}

TEST_F(FrontBookTest, AClaimAndItsCostsAreOneWrite) {
  claim(1);
  EXPECT_FALSE(claimed_);
  EXPECT_EQ(book().bill().latest().status, 400) << "it may yet fail";
  const FrontStore::Change change = write();
  ASSERT_TRUE(claimed_);
  EXPECT_EQ(claimed_->status, 200);
  EXPECT_EQ(change.costs, (Costs{{hash_of(1), 0}}));
  EXPECT_EQ(change.latest, claimed_->body);
  EXPECT_EQ(book().bill().latest().body, claimed_->body);
  claim(1);
  EXPECT_EQ(claimed_->status, 400) << "there is nothing left";
}

TEST_F(FrontBookTest, AdversaryAClaimThatTheDiskRefusedIsNeitherAnsweredNorLost) {
  claim(1);
  charge(2, 3);  // waits behind it
  write(false);
  ASSERT_TRUE(claimed_);
  EXPECT_EQ(claimed_->status, 500);
  EXPECT_EQ(book().bill().latest().status, 400);
  EXPECT_EQ(book().bill().cost(hash_of(1)), 5u);
  // The disk may have had it all the same: the next write says what is true.
  const FrontStore::Change next = write();
  EXPECT_EQ(next.costs, (Costs{{hash_of(1), 5}, {hash_of(2), 3}}));
  EXPECT_EQ(next.latest, "") << "none was claimed";
  EXPECT_EQ(said_, "k");
}

TEST_F(FrontBookTest, ACostThatTheDiskRefusedIsSaidAndGoesAlongWithTheNext) {
  charge(2, 3);
  write(false);
  EXPECT_EQ(said_, "f");
  EXPECT_EQ(disk().waiting(), 0u) << "nobody asks for it again and again";
  charge(1, 1);
  EXPECT_EQ(write().costs, (Costs{{hash_of(1), 6}, {hash_of(2), 3}}));
}

TEST_F(FrontBookTest, EndsWhenAllIsWritten) {
  bool is_idle = false;
  at_front([this] { book().set_unregistered(true, [](const Status&) {}); });
  at_front([&] { book().when_idle([&] { is_idle = true; }); });
  EXPECT_FALSE(is_idle);
  EXPECT_EQ(write().is_unregistered, true);
  EXPECT_TRUE(is_idle);
}

}  // namespace
}  // namespace themis
