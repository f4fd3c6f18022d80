#include "actors/monitor/remote_monitors.hpp"

#include <caf/all.hpp>
#include <deque>

#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"
#include "enclave/monitor/aggregator.hpp"

namespace themis {

static_assert(BatchMemory::bytes_for(monitor::kThreadsMax) <= sandbox::kSharedBytesMax);

struct RemoteMonitors::Pending {
  caf::scoped_actor self;
  const caf::actor monitors;
  using Answer = decltype(self->request(monitors, caf::infinite, MonitorBatchMsg()));
  struct Sent {
    Answer answer;
    RingWriter* ring = nullptr;  ///< That has its batch.
    bool certifies = false;      ///< Answered with Certified.
  };
  std::deque<Sent> sent;

  Pending(caf::actor_system& system, caf::actor to) : self(system), monitors(std::move(to)) {}
  /// Waits here for so long. A request's own limit is a timer that its answer does not stop: its
  /// message would stay in this mailbox for good, and be passed over with every answer after it.
  template <class Done, class Failed>
  void receive(const Answer& answer, Duration limit, Done done, Failed failed) {
    caf::blocking_actor::accept_one_cond once;
    self->varargs_receive(
        once, answer.id(), std::move(done), failed,
        caf::after(limit) >> [&] { failed(caf::make_error(caf::sec::request_timeout)); });
  }
};

RemoteMonitors::RemoteMonitors(caf::actor_system& system, caf::actor monitors,
                               const RemoteMonitorsOptions& options, const seal::SealingKey& key,
                               seal::SealedCounter& counter)
    : options_(options),
      key_(key),
      counter_(counter),
      pending_(std::make_unique<Pending>(system, std::move(monitors))) {}

RemoteMonitors::~RemoteMonitors() = default;

/// Of a question: a monitor's refusal is kept.
Error RemoteMonitors::noted(Error error) {
  if (error.code == Code::forged && !violation_) violation_ = error;
  return error;
}

template <class Question>
Status RemoteMonitors::send(const Question& question, RingWriter* ring) {
  THEMIS_CHECK(wait(kBatchesAheadMax - 1));
  pending_->sent.push_back({pending_->self->request(pending_->monitors, caf::infinite, question),
                            ring, std::is_same_v<Question, CertifyEpochsMsg>});
  return {};
}

Status RemoteMonitors::wait(size_t left) {
  Status first;
  if (lost_) first = fail(*lost_);
  const auto refused = [&](const Error& why) {
    if (first) first = fail(noted(why));
  };
  const auto failed = [&](const caf::error& error) { refused(from_caf(error)); };
  while (pending_->sent.size() > left) {
    Pending::Sent& next = pending_->sent.front();
    const auto certified = [&](const CertifiedMsg& answer) {
      const auto epoch = decode_certified(answer);
      epoch ? void(certified_ = *epoch) : refused(epoch.error());
    };
    const Duration limit = options_.answer_max;
    next.certifies ? pending_->receive(next.answer, limit, certified, failed)
                   : pending_->receive(
                         next.answer, limit, [](const DoneMsg&) {}, failed);
    if (next.ring != nullptr) next.ring->release();
    pending_->sent.pop_front();
  }
  return first;
}

template <class Answer, class Question>
Result<Answer> RemoteMonitors::ask(const Question& question) {
  THEMIS_CHECK(wait(0));
  Result<Answer> out = fail(Code::internal, "the monitors were not asked");
  const auto asked = pending_->self->request(pending_->monitors, caf::infinite, question);
  pending_->receive(
      asked, options_.answer_max, [&](const Answer& answer) { out = answer; },
      [&](const caf::error& error) { out = fail(from_caf(error)); });
  return out;
}

Status RemoteMonitors::start(ByteView sealed) {
  if (options_.memory) {
    THEMIS_TRY(memory_, BatchMemory::over(options_.memory->bytes(), options_.shape.threads));
    rings_.clear();
    for (uint16_t thread = 0; thread < options_.shape.threads; ++thread)
      rings_.emplace_back(memory_.ring(thread));
  }
  THEMIS_TRY(const seal::CounterValue stands, counter_.value());
  THEMIS_TRY(const MonitorsStartedMsg answer,
             ask<MonitorsStartedMsg>(encode_start(options_.shape, key_, stands, sealed)));
  THEMIS_TRY(run_, decode_started(answer, options_.shape.threads));
  sealed_ = stands;
  if (sealed.empty()) return {};
  THEMIS_TRY(const seal::SealedState state, seal::read_sealed(sealed));
  sealed_ = {state.counter, seal::tag_of(sealed)};
  return {};
}

Status RemoteMonitors::started() {
  THEMIS_TRY(const CertifiedMsg answer,
             ask<CertifiedMsg>(wire::Builder<schema::FinishReplay>(2).finish()));
  THEMIS_TRY(certified_, decode_certified(answer));
  THEMIS_TRY(const seal::CounterValue stands, counter_.value());
  // A crash came between the last commit and its confirmation; the trusted side has accepted that.
  if (sealed_.counter == stands.counter + 1) THEMIS_CHECK(counter_.raise(sealed_));
  return {};
}

Status RemoteMonitors::apply(uint16_t thread, ByteView batch) {
  const std::lock_guard lock(applying_);
  ++batches_;
  if (rings_.empty()) return send(encode_batch(thread, batch));
  RingWriter& ring = rings_[thread];
  THEMIS_CHECK(wait(kBatchesAheadMax - 1));  // so that what is written is sent as well
  std::optional<uint32_t> at = ring.write(batch);
  // There is room at the latest when all before it have been read.
  for (; !at; at = ring.write(batch)) THEMIS_CHECK(wait(pending_->sent.size() - 1));
  return send(encode_shared_batch(thread, *at, batch.size()), &ring);
}

Status RemoteMonitors::certify() {
  return send(CertifyEpochsMsg(wire::Builder<schema::CertifyEpochs>(2).finish()));
}

Result<Bytes> RemoteMonitors::seal(bool checkpoint) {
  const Result<SealedStateMsg> answer = ask<SealedStateMsg>(encode_seal(checkpoint));
  if (!answer) return fail(noted(answer.error()));
  THEMIS_TRY(Bytes sealed, decode_sealed(*answer));
  THEMIS_TRY(const seal::SealedState state, seal::read_sealed(sealed));
  THEMIS_TRY(const seal::CounterValue stands, counter_.value());
  if (state.counter != stands.counter + 1)
    return fail(Code::malformed, "the monitors sealed another state than the next one");
  sealed_ = {state.counter, seal::tag_of(sealed)};
  return sealed;
}

Result<seal::Released> RemoteMonitors::confirm() {
  THEMIS_CHECK(counter_.raise(sealed_));
  return released(sealed_);
}

Result<seal::Released> RemoteMonitors::released(const std::optional<seal::CounterValue>& written) {
  const Result<ReleasedMsg> answer = ask<ReleasedMsg>(encode_confirm(written));
  if (!answer) return fail(noted(answer.error()));
  THEMIS_TRY(seal::Released released, decode_released(*answer, run_.instance, memory_));
  certified_ = released.certified;
  return released;
}

Status RemoteMonitors::register_client(uint16_t thread, const seal::ClientEntry& client) {
  const auto done = ask<DoneMsg>(encode_register(thread, client));
  return done ? Status() : fail(done.error());
}

bool RemoteMonitors::admits(uint16_t thread, const receipts::Caller& caller, ByteView body) {
  if (caller.client == receipts::kNoClient) return !run_.clients_only;
  const auto answer = ask<CallAdmittedMsg>(encode_admit({thread, caller, body}));
  const Result<bool> admitted = answer ? decode_admitted(*answer) : fail(answer.error());
  if (!admitted) lost_ = noted(admitted.error());
  return admitted.value_or(false);
}

}  // namespace themis
