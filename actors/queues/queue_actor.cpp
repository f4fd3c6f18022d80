#include "actors/queues/queue_actor.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/message_types.hpp"
#include "runtime/base/log.hpp"
#include "runtime/js/engine.hpp"

namespace themis {
namespace {

/// Longest JSON of a batch: what one call carries.
constexpr size_t kBatchJsonMax = 1 << 20;
/// Ids begin with the time, so that none comes twice, also after a restart.
constexpr int kIdTimeShift = 20;
constexpr int64_t kMsPerS = 1000;

/// What lies with the handler counts as a delivery; what lies with the way to it does not.
bool is_handlers_own(Code code) {
  return code == Code::threw || code == Code::cpu_exceeded || code == Code::memory_exceeded ||
         code == Code::timeout || code == Code::too_large || code == Code::malformed ||
         code == Code::internal;
}

size_t bytes_of(const std::vector<QueuedMessage>& messages) {
  size_t bytes = 0;
  for (const QueuedMessage& message : messages) bytes += message.body.size();
  return bytes;
}

}  // namespace

caf::behavior QueueActor::make_behavior() {
  set_default_handlers(*this);
  if (const Status loaded = load(); !loaded) {
    log::error("queue", "cannot start: {}", loaded.error().text());
    quit(to_caf(loaded.error()));
    return {};
  }
  look_later();
  return {[this](const InvokeMsg& invoke) { return take(invoke); },
          [this](const UseNode& use) { node_ = use.node; }, [this](caf::flush_atom) { commit(); },
          [this](const ReportQueues&) {
            counts_.messages = book_.messages();
            counts_.bytes = book_.bytes();
            return counts_;
          },
          [this](caf::tick_atom) {
            tick_armed_ = false;
            tick();
            look_later();
          }};
}

void QueueActor::on_exit() {
  for (Send& send : sends_)
    send.promise.deliver(to_caf({Code::unavailable, "the queues of this node ended"}));
  sends_.clear();
  node_ = options_.gate = nullptr;
}

Status QueueActor::load() {
  THEMIS_TRY(const std::vector<QueueStore::Head> all, store_.load());
  for (const QueueStore::Head& head : all) {
    book_.add(head.queue, head.id, head.due_ms, head.bytes);
    last_id_ = std::max(last_id_, head.id);
  }
  if (!all.empty()) log::info("queue", "{} messages wait here", all.size());
  return {};
}

uint64_t QueueActor::next_id(int64_t now_ms) {
  return last_id_ = std::max(last_id_ + 1, static_cast<uint64_t>(now_ms) << kIdTimeShift);
}

void QueueActor::look_later() {
  if (tick_armed_ || book_.is_empty() || options_.tick == Duration::zero()) return;
  tick_armed_ = true;
  delayed_send(this, options_.tick, caf::tick_atom::value);
}

/// The answer waits for the disk, with those of all sends that come until then.
caf::result<QueueActor::OutcomeMsg> QueueActor::take(const InvokeMsg& invoke) {
  const int64_t now = options_.clock->wall_ms();
  auto sent =
      wire::decode(invoke, [&](const schema::Invoke::Reader& from) -> Result<QueueStore::Sent> {
        const auto queue = queue_of_ring_name(wire::text_of(from.getFunction()));
        if (!queue) return fail(Code::malformed, "not the name of a queue");
        THEMIS_TRY(std::vector<NewMessage> messages,
                   parse_send(as_text(wire::bytes_of(from.getBody()))));
        QueueStore::Sent out{*queue, {}};
        for (NewMessage& message : messages)
          out.messages.push_back({next_id(now), now + message.delay_s * kMsPerS, now, 0,
                                  message.kind, std::move(message.body)});
        return out;
      });
  if (!sent) return to_caf(sent.error());
  size_t messages = sent->messages.size();
  size_t bytes = bytes_of(sent->messages);
  for (const Send& send : sends_) {
    messages += send.sent.messages.size();
    bytes += bytes_of(send.sent.messages);
  }
  if (const Status room = book_.check_room(messages, bytes); !room) return to_caf(room.error());
  if (sends_.size() >= kSendsMax)
    return to_caf({Code::overloaded, "too many sends wait for the disk; try again"});
  auto promise = make_response_promise<OutcomeMsg>();
  sends_.push_back({std::move(*sent), promise});
  if (sends_.size() == 1) send(this, caf::flush_atom::value);
  return caf::delegated<OutcomeMsg>{};
}

void QueueActor::commit() {
  std::vector<Send> sends = std::exchange(sends_, {});
  std::vector<QueueStore::Sent> all;
  for (const Send& send : sends) all.push_back(send.sent);
  const Status added = store_.add(all);
  wire::Builder<schema::Outcome> answer(8);
  answer->setStatus(200);
  const OutcomeMsg accepted = answer.finish();
  for (Send& send : sends) {
    if (!added) {
      send.promise.deliver(to_caf(added.error()));
      continue;
    }
    for (const QueuedMessage& message : send.sent.messages)
      book_.add(send.sent.queue, message.id, message.due_ms, message.body.size());
    counts_.sent += send.sent.messages.size();
    send.promise.deliver(accepted);
  }
  tick();
  look_later();
}

void QueueActor::tick() {
  if (!node_) return;
  for (const std::string& queue : book_.due(options_.clock->wall_ms())) deliver(queue);
  std::erase_if(lines_, [this](const auto& line) {
    return !line.second.is_busy && !book_.contains(line.first);
  });
}

void QueueActor::deliver(const std::string& queue) {
  Line& line = lines_[queue];
  if (line.is_busy) return;
  const int64_t now = options_.clock->wall_ms();
  const bool is_fresh = now - line.looked_ms < to_ms(kLookInterval) && now >= line.looked_ms;
  if (!is_fresh) return find_consumer(queue);
  if (!line.consumer) return;
  const std::vector<uint64_t> ids =
      book_.take(queue, now, std::min<size_t>(line.consumer->consumer.batch, kQueueBatchMax),
                 kQueueBatchBytesMax);
  if (!ids.empty()) call(queue, ids);
}

void QueueActor::find_consumer(const std::string& queue) {
  Line& line = lines_[queue];
  line.is_busy = true;
  const auto found = [this, queue](std::optional<ConsumerRecord> consumer) {
    Line& at = lines_[queue];
    at.is_busy = false;
    at.consumer = std::move(consumer);
    at.looked_ms = options_.clock->wall_ms();
    if (at.consumer) deliver(queue);
  };
  request(node_, caf::infinite, FindName{ring_name_of_queue(queue)})
      .then(
          [found](const ring::Records& records) {
            std::optional<ConsumerRecord> best;
            for (const ring::Record& record : records) {
              auto one = decode_consumer(record.payload);
              // The newest of a function; of two functions the first by name.
              const auto rank = [](const ConsumerRecord& of) {
                return std::pair(std::string_view(of.function), UINT32_MAX - of.version);
              };
              if (one && (!best || rank(*one) < rank(*best))) best = std::move(*one);
            }
            found(std::move(best));
          },
          [found](const caf::error&) { found(std::nullopt); });
}

void QueueActor::call(const std::string& queue, const std::vector<uint64_t>& ids) {
  Result<std::vector<QueuedMessage>> batch = store_.read(queue, ids);
  if (!batch) {
    log::error("queue", "{}: {}", queue, batch.error().text());
    for (const uint64_t id : ids)
      book_.put_back(queue, id, options_.clock->wall_ms() + to_ms(kLookInterval));
    return;
  }
  for (const uint64_t id : ids)  // what cannot be read is of no use to anybody
    if (std::ranges::find(*batch, id, &QueuedMessage::id) == batch->end()) book_.drop(queue, id);
  std::string json = batch_json(queue, store_.origin(), *batch);
  while (json.size() > kBatchJsonMax && batch->size() > 1) {
    for (size_t keep = batch->size() / 2; batch->size() > keep; batch->pop_back())
      book_.put_back(queue, batch->back().id, batch->back().due_ms);
    json = batch_json(queue, store_.origin(), *batch);
  }
  if (batch->empty()) return;
  Line& line = lines_[queue];
  line.is_busy = true;
  wire::Builder<schema::Invoke> invoke(json.size() / wire::Frame::kWordBytes + 64);
  invoke->setFunction(wire::to_text("fn/" + line.consumer->function));
  invoke->setMethod("POST");
  invoke->setUrl("http://queue/");
  invoke->setEvent(static_cast<uint8_t>(js::Event::queue));
  invoke->setBody(wire::to_data(as_bytes(json)));
  request(options_.gate, caf::infinite, invoke.finish())
      .then([this, queue,
             sent = *batch](const OutcomeMsg& outcome) { answered(queue, sent, outcome); },
            [this, queue, sent = *batch](const caf::error& error) {
              failed(queue, sent, from_caf(error));
            });
}

void QueueActor::answered(const std::string& queue, const std::vector<QueuedMessage>& batch,
                          const OutcomeMsg& outcome) {
  const auto verdicts = wire::decode(
      outcome, [&](const schema::Outcome::Reader& from) -> Result<std::vector<Verdict>> {
        return parse_verdicts(as_text(wire::bytes_of(from.getBody())), batch.size());
      });
  if (!verdicts) return failed(queue, batch, verdicts.error());
  settle(queue, batch, *verdicts);
}

void QueueActor::failed(const std::string& queue, const std::vector<QueuedMessage>& batch,
                        const Error& why) {
  log::warn("queue", "{}: {} messages were not taken: {}", queue, batch.size(), why.text());
  if (is_handlers_own(why.code))
    return settle(queue, batch, std::vector<Verdict>(batch.size(), Again{}));
  lines_[queue].looked_ms = 0;  // it may have moved
  put_back(queue, batch);
}

void QueueActor::put_back(const std::string& queue, const std::vector<QueuedMessage>& batch) {
  lines_[queue].is_busy = false;
  for (const QueuedMessage& message : batch)
    book_.put_back(queue, message.id, options_.clock->wall_ms() + to_ms(kLookInterval));
  look_later();
}

void QueueActor::settle(const std::string& queue, const std::vector<QueuedMessage>& batch,
                        const std::vector<Verdict>& verdicts) {
  const int64_t now = options_.clock->wall_ms();
  const bundle::Consumer consumer = lines_[queue].consumer->consumer;
  QueueStore::Fates fates;
  fates.dead_queue = consumer.dead_queue;
  for (size_t i = 0; i < batch.size(); ++i) {
    QueuedMessage message = batch[i];
    ++(verdicts[i] ? counts_.refused : counts_.accepted);
    if (verdicts[i] && message.deliveries < consumer.retries) {
      ++message.deliveries;
      message.due_ms = now + verdicts[i]->delay_s.value_or(consumer.delay_s) * kMsPerS;
      fates.again.push_back(std::move(message));
      continue;
    }
    fates.gone.push_back(message.id);
    if (!verdicts[i]) continue;
    ++counts_.dead;
    log::warn("queue", "{}: the message {:016x} was refused {} times and {}", queue, message.id,
              message.deliveries + 1,
              consumer.dead_queue.empty() ? "is dropped" : "goes to " + consumer.dead_queue);
    if (consumer.dead_queue.empty()) continue;
    message.id = next_id(now);
    message.due_ms = now;
    message.deliveries = 0;
    fates.dead.push_back(std::move(message));
  }
  if (const Status settled = store_.settle(queue, fates); !settled) {
    log::error("queue", "{}: what became of {} messages could not be kept, they come again: {}",
               queue, batch.size(), settled.error().text());
    return put_back(queue, batch);
  }
  lines_[queue].is_busy = false;
  for (const uint64_t id : fates.gone) book_.drop(queue, id);
  for (const QueuedMessage& message : fates.again)
    book_.put_back(queue, message.id, message.due_ms);
  for (const QueuedMessage& message : fates.dead)
    book_.add(fates.dead_queue, message.id, message.due_ms, message.body.size());
  deliver(queue);
  look_later();
}

Result<caf::actor> spawn_queues(caf::actor_system& system, QueueOptions options) {
  THEMIS_TRY(QueueStore store, QueueStore::open(*options.environment));
  return caf::actor_cast<caf::actor>(
      system.spawn<QueueActor>(std::move(options), std::move(store)));
}

}  // namespace themis
