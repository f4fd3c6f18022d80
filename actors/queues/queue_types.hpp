#pragma once
// Queues as values: their messages, who takes them, and what becomes of a batch.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/bundle/settings.hpp"

namespace themis {

/// Of one message, as it was sent.
inline constexpr size_t kQueueMessageBytesMax = 128 << 10;
using bundle::kQueueBatchMax;
using bundle::kQueueDelayMaxS;
/// One send, and one delivery: it has to fit into a call with its JSON around it.
inline constexpr size_t kQueueBatchBytesMax = 256 << 10;
/// Waiting on one node, in all queues: what its disk and its index in memory bear.
inline constexpr size_t kQueuedMax = 100'000;
inline constexpr size_t kQueuedBytesMax = 256u << 20;

/// The numbers are part of the format on disk.
enum class BodyKind : uint8_t { json = 0, text = 1, bytes = 2 };

struct NewMessage {
  BodyKind kind = BodyKind::json;
  std::string body;  ///< A JSON text, a text, or hexadecimal digits.
  uint32_t delay_s = 0;
  friend bool operator==(const NewMessage&, const NewMessage&) = default;
};
struct QueuedMessage {
  uint64_t id = 0;  ///< Of this node: rises with the time of the send.
  int64_t due_ms = 0;
  int64_t sent_ms = 0;
  uint16_t deliveries = 0;  ///< That were not accepted.
  BodyKind kind = BodyKind::json;
  std::string body;
  friend bool operator==(const QueuedMessage&, const QueuedMessage&) = default;
};

/// What a handler said of a message: nothing is "accepted".
struct Again {
  std::optional<uint32_t> delay_s;  ///< Nothing: as the consumer's manifest says.
};
using Verdict = std::optional<Again>;

/// A function that takes the messages of a queue, as its instances announce it.
struct ConsumerRecord {
  std::string function;
  uint32_t version = 0;
  bundle::Consumer consumer;
  friend bool operator==(const ConsumerRecord&, const ConsumerRecord&) = default;
};
/// "queue/jobs": under this name instances announce that they take messages.
std::string ring_name_of_queue(std::string_view queue);
/// The other way; nothing when it is the name of something else.
std::optional<std::string> queue_of_ring_name(std::string_view ring_name);
/// u8 format (1), u32 version, u16 batch, u16 retries, u32 delay, u8 length of the dead-letter
/// queue's name, that name, the function's name.
Bytes encode_consumer(const ConsumerRecord& record);
/// Errors: malformed.
Result<ConsumerRecord> decode_consumer(ByteView bytes);

/// [{"type", "body", "delay"}], 1 to kQueueBatchMax. Errors: malformed, too_large.
Result<std::vector<NewMessage>> parse_send(std::string_view json);
/// {"queue", "messages": [{"id", "timestamp", "attempts", "type", "body"}]}. An id is the message's
/// with `origin` behind it, which no other node has.
std::string batch_json(const std::string& queue, const std::string& origin,
                       const std::vector<QueuedMessage>& batch);
/// [{"ack": true} | {"delay": seconds or null}], one for each message. Errors: malformed.
Result<std::vector<Verdict>> parse_verdicts(std::string_view json, size_t messages);

}  // namespace themis
