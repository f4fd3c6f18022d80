#include "actors/oyster/front_book.hpp"

#include <caf/all.hpp>
#include <memory>

#include "actors/services/function_context.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"

namespace themis {

Status FrontBook::open(storage::Environment& environment) {
  THEMIS_TRY(FrontStore store, FrontStore::open(environment));
  THEMIS_TRY(FrontStore::Kept kept, store.load());
  start(std::move(kept),
        caf::actor_cast<caf::actor>(actor_.home_system().spawn<FrontStoreActor>(store)));
  return {};
}

void FrontBook::start(FrontStore::Kept kept, caf::actor store) {
  bill_.restore(std::move(kept.costs), std::move(kept.latest));
  is_unregistered_ = kept.is_unregistered;
  store_ = std::move(store);
}

void FrontBook::charge(const oyster::Bill::Hash& transaction, uint64_t cost, Then then) {
  bill_.add(transaction, cost);
  next_.costs.insert(transaction);
  next_.waiting.push_back(std::move(then));
  flush();
}

void FrontBook::claim(std::string_view body, const crypto::RecoverableKey& key, Claimed then) {
  oyster::Bill::Claim claim = bill_.claim(body, key);
  if (claim.costs.empty()) return then(std::move(claim.response));
  for (const auto& [transaction, cost] : claim.costs) next_.costs.insert(transaction);
  next_.claims.emplace_back(std::move(claim), std::move(then));
  flush();
}

void FrontBook::set_unregistered(bool is_unregistered, Then then) {
  is_unregistered_ = is_unregistered;
  next_.has_state = true;
  next_.waiting.push_back(std::move(then));
  flush();
}

void FrontBook::when_idle(std::function<void()> then) {
  idle_ = std::move(then);
  flush();
}

void FrontBook::flush() {
  if (is_writing_) return;
  if (next_.is_empty()) {
    if (const auto then = std::exchange(idle_, nullptr)) then();
    return;
  }
  is_writing_ = true;
  const auto batch = std::make_shared<const Batch>(std::exchange(next_, {}));
  FrontStore::Change change;
  for (const oyster::Bill::Hash& each : batch->costs)
    change.costs.emplace_back(each, bill_.cost(each));
  if (batch->has_latest) change.latest = bill_.latest_claim();
  if (!batch->claims.empty()) change.latest = batch->claims.back().first.response.body;
  if (batch->has_state) change.is_unregistered = is_unregistered_;
  when_done(
      actor_.request(store_, caf::infinite, SaveFront{std::move(change)}),
      [this, batch] {
        is_writing_ = false;
        kept(*batch);
        flush();
      },
      [this, batch](const caf::error& error) {
        is_writing_ = false;
        failed(*batch, from_caf(error));
      });
}

void FrontBook::kept(const Batch& batch) {
  for (const auto& [claim, then] : batch.claims) {
    bill_.settle(claim);
    then(claim.response);
  }
  for (const Then& then : batch.waiting) then({});
}

void FrontBook::failed(const Batch& batch, const Error& why) {
  log::error("oyster", "the bill cannot be written: {}", why.text());
  next_.costs.insert(batch.costs.begin(), batch.costs.end());
  next_.has_state = next_.has_state || batch.has_state;
  next_.has_latest = next_.has_latest || batch.has_latest || !batch.claims.empty();
  for (const auto& [claim, then] : batch.claims) {
    bill_.undo(claim);
    then(http::Response::text(500, "the bill cannot be written: " + why.text()));
  }
  for (const Then& then : batch.waiting) then(fail(why));
  // Whoever comes next tries again, with what is owed; who came meanwhile does now.
  if (!next_.waiting.empty() || !next_.claims.empty()) return flush();
  if (const auto then = std::exchange(idle_, nullptr)) then();
}

void FrontBook::stop() {
  if (store_) caf::anon_send_exit(store_, caf::exit_reason::user_shutdown);
  store_ = nullptr;
  next_ = {};
  idle_ = nullptr;
}

}  // namespace themis
