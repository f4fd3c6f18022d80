#include "actors/queues/queue_store.hpp"

#include <algorithm>

#include "runtime/base/log.hpp"
#include "runtime/base/rng.hpp"

namespace themis {
namespace {

/// Key: the queue's name, a NUL, the id big-endian. Value: u8 format, i64 due, i64 sent, u16
/// deliveries, u8 kind, the body.
constexpr uint8_t kFormat = 1;
constexpr size_t kIdBytes = 8;
constexpr size_t kHeadBytes = 20;
constexpr size_t kOriginBytes = 8;

Bytes key_of(const std::string& queue, uint64_t id) {
  Bytes key = to_bytes(queue);
  key.resize(queue.size() + 1 + kIdBytes);
  store(key.data() + queue.size() + 1, __builtin_bswap64(id));
  return key;
}

Bytes value_of(const QueuedMessage& message) {
  Bytes value(kHeadBytes + message.body.size());
  store(value.data(), kFormat);
  store(value.data() + 1, message.due_ms);
  store(value.data() + 9, message.sent_ms);
  store(value.data() + 17, message.deliveries);
  store(value.data() + 19, static_cast<uint8_t>(message.kind));
  std::ranges::copy(as_bytes(message.body), value.begin() + kHeadBytes);
  return value;
}

/// Errors: malformed.
Result<QueuedMessage> message_of(uint64_t id, ByteView value) {
  if (value.size() < kHeadBytes || load<uint8_t>(value.data()) != kFormat ||
      load<uint8_t>(value.data() + 19) > static_cast<uint8_t>(BodyKind::bytes))
    return fail(Code::malformed, "not a message of this version");
  QueuedMessage message;
  message.id = id;
  message.due_ms = load<int64_t>(value.data() + 1);
  message.sent_ms = load<int64_t>(value.data() + 9);
  message.deliveries = load<uint16_t>(value.data() + 17);
  message.kind = static_cast<BodyKind>(load<uint8_t>(value.data() + 19));
  message.body = as_text(value.subspan(kHeadBytes));
  return message;
}

}  // namespace

Result<QueueStore> QueueStore::open(storage::Environment& environment) {
  QueueStore out(environment);
  THEMIS_TRY(out.messages_, environment.table("queue_messages"));
  THEMIS_TRY(const storage::Table own, environment.table("queue_origin"));
  Bytes fresh(kOriginBytes);
  SystemRng().fill(fresh);
  THEMIS_CHECK(environment.write([&](storage::WriteTransaction& txn) -> Status {
    const auto kept = txn.get(own, as_bytes("origin"));
    if (!kept && kept.error().code != Code::not_found) return fail(kept.error());
    out.origin_ = to_hex(kept ? *kept : ByteView(fresh));
    return kept ? Status{} : txn.put(own, as_bytes("origin"), fresh);
  }));
  return out;
}

Result<std::vector<QueueStore::Head>> QueueStore::load() const {
  std::vector<Head> all;
  THEMIS_TRY(const storage::ReadTransaction txn, environment_->read());
  THEMIS_CHECK(txn.scan(messages_, {}, [&all](ByteView key, ByteView value) {
    const std::string_view text = as_text(key);
    const size_t end = text.find('\0');
    const bool is_key = end != std::string_view::npos && key.size() == end + 1 + kIdBytes;
    const uint64_t id =
        is_key ? __builtin_bswap64(themis::load<uint64_t>(key.data() + end + 1)) : 0;
    const auto message = message_of(id, value);
    if (is_key && message) {
      all.push_back({std::string(text.substr(0, end)), id, message->due_ms, message->body.size()});
    } else {
      log::error("queue", "the message {} is left out: it cannot be read", to_hex(key));
    }
    return true;
  }));
  return all;
}

Status QueueStore::add(const std::vector<Sent>& all) {
  return environment_->write([&](storage::WriteTransaction& txn) -> Status {
    for (const Sent& sent : all)
      for (const QueuedMessage& message : sent.messages)
        THEMIS_CHECK(txn.put(messages_, key_of(sent.queue, message.id), value_of(message)));
    return {};
  });
}

Result<std::vector<QueuedMessage>> QueueStore::read(const std::string& queue,
                                                    const std::vector<uint64_t>& ids) const {
  std::vector<QueuedMessage> found;
  THEMIS_TRY(const storage::ReadTransaction txn, environment_->read());
  for (const uint64_t id : ids) {
    const auto value = txn.get(messages_, key_of(queue, id));
    if (!value && value.error().code != Code::not_found) return fail(value.error());
    if (!value) continue;
    if (auto message = message_of(id, *value)) found.push_back(std::move(*message));
  }
  return found;
}

Status QueueStore::settle(const std::string& queue, const Fates& fates) {
  return environment_->write([&](storage::WriteTransaction& txn) -> Status {
    for (const uint64_t id : fates.gone) {
      const Status gone = txn.erase(messages_, key_of(queue, id));
      if (!gone && gone.error().code != Code::not_found) return gone;
    }
    for (const QueuedMessage& message : fates.again)
      THEMIS_CHECK(txn.put(messages_, key_of(queue, message.id), value_of(message)));
    for (const QueuedMessage& message : fates.dead)
      THEMIS_CHECK(txn.put(messages_, key_of(fates.dead_queue, message.id), value_of(message)));
    return {};
  });
}

}  // namespace themis
