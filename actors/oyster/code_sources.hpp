#pragma once
// Brings code here that requests name by a transaction or by its id, and keeps what was used last.

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <functional>
#include <map>
#include <memory>

#include "actors/oyster/runnable_code.hpp"
#include "actors/services/function_types.hpp"
#include "runtime/net/loop.hpp"
#include "runtime/oyster/transaction.hpp"

namespace themis {

using FoundRunnable = tl::expected<RunnablePtr, oyster::Trouble>;

struct CodeSourcesOptions {
  std::string rpc;               ///< Empty: there are no transactions.
  std::string storage;           ///< Empty: there is no storage server.
  std::string contract;          ///< Whom transactions are for.
  std::string deposit_contract;  ///< Empty: deposits are not asked for.
  uint64_t deposit_min = 0;
  caf::actor fetcher;  ///< May reach any address: the operator wrote where to.
  caf::actor flows;
  caf::actor functions;  ///< The node's function service: its store, and those of other nodes.
};

/// Part of the front's actor; its thread only. Code of a transaction never changes, and what a
/// storage server calls by an id is taken not to: both are kept. Who asks for what is being fetched
/// waits for the same answer; that there is none is not kept.
class CodeSources {
 public:
  /// 1 MB each at most; the one used least recently goes first.
  static constexpr size_t kCodesMax = 1024;
  static constexpr size_t kCodesBytesMax = size_t{64} << 20;
  /// Of an Ethereum node or a storage server.
  static constexpr Duration kAskMax = 10s;

  using Then = std::function<void(const FoundRunnable&)>;

  CodeSources(caf::event_based_actor& actor, const net::Loop& loop, CodeSourcesOptions options)
      : actor_(actor), loop_(loop), options_(std::move(options)) {}

  /// `then` is called once, here or later, unless the actor ends before.
  void find_transaction(ByteView hash, Then then);
  /// The id of a code in the store of this node or of one that the ring names, else a key of the
  /// storage server.
  void find_stored(const std::string& id, Then then);
  /// Whether enough was paid in for a transaction's code; yes when nobody asks for it.
  void check_deposit(ByteView hash, std::function<void(bool)> then);
  void stop();

  size_t kept() const { return codes_.size(); }
  uint64_t fetched() const { return fetched_; }

 private:
  struct Kept {
    RunnablePtr code;
    uint64_t last_used = 0;
  };
  using Found = tl::expected<oyster::Uploaded, oyster::Trouble>;

  /// False: it is not kept, and nobody fetches it by now.
  bool find(const std::string& key, Then& then);
  void ask(const std::string& url, std::string body, std::function<void(Result<std::string>)> then);
  void ask_storage(const std::string& key, const std::string& id);
  void took(const std::string& key, const Found& found);
  void deliver(const std::string& key, const FoundRunnable& found);
  void make_room();

  caf::event_based_actor& actor_;
  const net::Loop& loop_;
  CodeSourcesOptions options_;
  std::map<std::string, Kept> codes_;  ///< By "tx/" or "id/" and what it is called by.
  std::map<std::string, std::vector<Then>> waiting_;
  size_t bytes_ = 0;
  uint64_t uses_ = 0;
  uint64_t fetched_ = 0;
};

}  // namespace themis
