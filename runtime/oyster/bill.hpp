#pragma once
// What running code costs, and claims for it. Pure. Source: oyster-serverless, branch
// ayush/billing.

#include <map>
#include <string>
#include <vector>

#include "runtime/crypto/recoverable_key.hpp"
#include "runtime/http/message.hpp"

namespace themis::oyster {

/// Of one request: 1, and 2 for each millisecond from the place it took to when that was free
/// again.
constexpr uint64_t cost_of(uint64_t run_ms) { return 1 + 2 * run_ms; }

/// One thread.
class Bill {
 public:
  /// Transactions that may have costs; requests for more are not taken until some are claimed.
  static constexpr size_t kTransactionsMax = 65'536;
  static constexpr size_t kHashBytes = 32;
  using Hash = std::array<std::byte, kHashBytes>;

  bool has_room_for(const Hash& transaction) const {
    return costs_.size() < kTransactionsMax || costs_.contains(transaction);
  }
  void add(const Hash& transaction, uint64_t cost) { costs_[transaction] += cost; }
  /// 0: none.
  uint64_t cost(const Hash& transaction) const;

  /// GET /billing/inspect: {"bill":{"0x...":COST}}.
  http::Response inspect() const;
  /// One claim: what it answers, and what it took out of the bill. Refused: it took nothing.
  struct Claim {
    http::Response response;
    std::vector<std::pair<Hash, uint64_t>> costs = {};
  };
  /// POST /billing/export {"nonce","tx_hashes"}: nonce, then 32 bytes of a transaction and its cost
  /// as a u128, big-endian, for each that has one; with a signature over the Keccak-256 of that.
  /// What is claimed has no costs any more. One of settle() and undo() follows.
  Claim claim(std::string_view body, const crypto::RecoverableKey& key);
  /// It will be answered: it is the last one.
  void settle(const Claim& claim);
  /// It will not: its costs are back.
  void undo(const Claim& claim);
  /// GET /billing/latest: the last claim.
  http::Response latest() const;
  /// Its JSON; empty: nothing was claimed.
  const std::string& latest_claim() const { return latest_; }
  /// As it was kept; `latest` is the JSON of the last claim, or empty.
  void restore(std::map<Hash, uint64_t> costs, std::string latest);

 private:
  std::map<Hash, uint64_t> costs_;
  std::string latest_;  ///< JSON; empty: none.
};

}  // namespace themis::oyster
