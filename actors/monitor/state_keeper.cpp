#include "actors/monitor/state_keeper.hpp"

#include <caf/all.hpp>

#include "actors/monitor/batch_runner.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/secret_file.hpp"
#include "enclave/seal/counter_file.hpp"
#include "runtime/base/rng.hpp"
#include "runtime/store/environment.hpp"

namespace themis {

/// In the order in which they hold each other.
struct StateKeeper::Files {
  FileSecret key;
  std::unique_ptr<seal::CounterFile> counter;
  std::unique_ptr<storage::Environment> environment;
  std::unique_ptr<RemoteMonitors> monitors;
};

StateKeeper::StateKeeper(caf::actor_config& config, StateKeeperOptions options)
    : caf::event_based_actor(config), options_(std::move(options)) {}

StateKeeper::~StateKeeper() = default;

caf::behavior StateKeeper::make_behavior() {
  set_default_handlers(*this);
  return {[this](const OpenStore& ask) { return open(ask); },
          [this](const RunCalls& ask) { return run(ask); },
          [this](const CloseStore&) {
            Status left;
            if (host_ && host_->journal_bytes() <= kStopJournalBytesMax) left = host_->checkpoint();
            close();
            return tell({}, left);
          }};
}

void StateKeeper::close() {
  host_.reset();
  files_.reset();
  ending_since_.reset();
}

Status StateKeeper::open_files(const OpenStore& ask) {
  auto files = std::make_unique<Files>();
  SystemRng rng;
  THEMIS_TRY(files->environment, storage::Environment::open(options_.data / "state"));
  THEMIS_TRY(files->key,
             load_or_create_secret(options_.data / "state.key", "key of the state", rng));
  THEMIS_TRY(files->counter, seal::CounterFile::open(options_.data / "state.counter", files->key));
  files->monitors = std::make_unique<RemoteMonitors>(
      system(), ask.monitors,
      RemoteMonitorsOptions{options_.shape, options_.answer_max, ask.memory}, files->key,
      *files->counter);
  files_ = std::move(files);
  return {};
}

StoreTold StateKeeper::open(const OpenStore& ask) {
  close();
  const auto opened = [&]() -> Status {
    THEMIS_CHECK(open_files(ask));
    StateHostOptions host;
    host.threads = options_.shape.threads;
    host.node_slots = options_.shape.node_slots;
    host.record_slots = options_.shape.record_slots;
    host.bytes_max = options_.bytes_max;
    THEMIS_TRY(host_, StateHost::open(*files_->environment, *files_->monitors, host));
    return {};
  };
  StoreTold told = tell({}, opened());
  if (host_) told.name_spaces = host_->name_spaces();
  return told;
}

StoreTold StateKeeper::run(const RunCalls& ask) {
  StoreTold told;
  told.answers.resize(ask.batches.size());
  if (!host_) return tell(std::move(told), fail(Code::unavailable, "the store is closed"));
  const Status status = run_all(ask, told);
  const bool ended = status && ending_since_ && !host_->is_ending();
  if (ended) certifying_ = SystemClock().now() - *std::exchange(ending_since_, std::nullopt);
  told.ending = ending_since_.has_value();
  told.checkpoint_due = ended && host_->is_checkpoint_due();
  return tell(std::move(told), status);
}

/// After a failure `told` has the answers that are durable.
Status StateKeeper::run_all(const RunCalls& ask, StoreTold& told) {
  std::vector<StateAnswers>& answers = told.answers;
  struct Durable {
    size_t size = 0, bytes = 0;
  };
  std::vector<Durable> durable(answers.size());
  size_t durable_proofs = 0;
  const auto commit = [&](Status status) {
    for (size_t i = 0; i < answers.size(); ++i)
      status ? void(durable[i] = {answers[i].size(), answers[i].bytes().size()})
             : answers[i].cut(durable[i].size, durable[i].bytes);
    if (status) host_->complete(std::span(told.proofs).subspan(durable_proofs));
    status ? void(durable_proofs = told.proofs.size()) : told.proofs.resize(durable_proofs);
    return status;
  };
  if (ask.end_epoch) {
    carried_ = host_->deferred();
    THEMIS_CHECK(host_->begin_end());
    ending_since_ = SystemClock().now();
  }
  BatchRunner runner(*host_, ask.batches, answers, kRunAnswersBytesMax);
  while (!runner.run()) THEMIS_CHECK(commit(host_->commit()));
  for (const StateCall& call : ask.proven) {
    if (!host_->has_room_to_prove(call)) THEMIS_CHECK(commit(host_->commit()));
    told.proofs.push_back(host_->prove(call));
  }
  if (!ask.checkpoint && !host_->is_short()) {
    THEMIS_CHECK(host_->carry(kCarriedByRun));
    return commit(host_->commit());
  }
  const TimePoint from = SystemClock().now();
  const Status saved = commit(ask.checkpoint ? host_->checkpoint() : host_->end_epoch());
  saving_ = SystemClock().now() - from;
  return saved;
}

StoreTold StateKeeper::tell(StoreTold told, const Status& status) {
  if (!status) {
    told.failure = status.error();
    if (files_ && files_->monitors->violation()) told.violation = files_->monitors->violation();
    // The comparison with what the monitors answered is this side's.
    if (host_ && status.error().code == Code::forged) told.violation = status.error();
    close();
    return told;
  }
  if (!host_) return told;
  told.epoch = host_->epoch();
  told.certified = host_->certified();
  told.certifying = certifying_;
  told.carried = carried_;
  told.saving = saving_;
  told.records = host_->records();
  told.batches = files_->monitors->batches();
  told.journal_bytes = host_->journal_bytes();
  told.receipts = host_->take_receipts();
  told.key = to_hex(files_->monitors->describe().signing.view());
  return told;
}

}  // namespace themis
