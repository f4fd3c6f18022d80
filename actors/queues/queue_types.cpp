#include "actors/queues/queue_types.hpp"

#include <fmt/format.h>

#include <array>

#include "runtime/http/json.hpp"

namespace themis {
namespace {

using http::Json;

constexpr std::string_view kPrefix = "queue/";
constexpr uint8_t kConsumerFormat = 1;
constexpr size_t kConsumerHeadBytes = 14;
constexpr std::array kKinds = {"json", "text", "bytes"};

Result<NewMessage> parse_message(const Json& object) {
  if (!object.is_object()) return fail(Code::malformed, "a message of a queue is an object");
  const std::string type = http::string_or(object, "type", "");
  const auto kind = std::find(kKinds.begin(), kKinds.end(), type);
  const int64_t delay = http::integer_or(object, "delay", -1);
  if (kind == kKinds.end() || !object.contains("body") || !object.at("body").is_string() ||
      delay < 0 || delay > kQueueDelayMaxS)
    return fail(Code::malformed, "a message of a queue has a type, a body and a delay");
  NewMessage message{static_cast<BodyKind>(kind - kKinds.begin()),
                     object.at("body").get<std::string>(), static_cast<uint32_t>(delay)};
  if (message.body.size() > kQueueMessageBytesMax)
    return fail(Code::too_large, fmt::format("a message of {} bytes; {} is the limit",
                                             message.body.size(), kQueueMessageBytesMax));
  return message;
}

}  // namespace

std::string ring_name_of_queue(std::string_view queue) {
  return std::string(kPrefix).append(queue);
}

std::optional<std::string> queue_of_ring_name(std::string_view ring_name) {
  if (!ring_name.starts_with(kPrefix)) return std::nullopt;
  ring_name.remove_prefix(kPrefix.size());
  if (!bundle::is_plain_name(ring_name)) return std::nullopt;
  return std::string(ring_name);
}

Bytes encode_consumer(const ConsumerRecord& record) {
  const bundle::Consumer& consumer = record.consumer;
  Bytes out(kConsumerHeadBytes);
  store(out.data(), kConsumerFormat);
  store(out.data() + 1, record.version);
  store(out.data() + 5, consumer.batch);
  store(out.data() + 7, consumer.retries);
  store(out.data() + 9, consumer.delay_s);
  store(out.data() + 13, static_cast<uint8_t>(consumer.dead_queue.size()));
  append(out, as_bytes(consumer.dead_queue));
  append(out, as_bytes(record.function));
  return out;
}

Result<ConsumerRecord> decode_consumer(ByteView bytes) {
  const auto wrong = [] { return fail(Code::malformed, "a record's payload is no consumer's"); };
  if (bytes.size() < kConsumerHeadBytes || load<uint8_t>(bytes.data()) != kConsumerFormat)
    return wrong();
  ConsumerRecord record;
  bundle::Consumer& consumer = record.consumer;
  record.version = load<uint32_t>(bytes.data() + 1);
  consumer.batch = load<uint16_t>(bytes.data() + 5);
  consumer.retries = load<uint16_t>(bytes.data() + 7);
  consumer.delay_s = load<uint32_t>(bytes.data() + 9);
  const size_t dead_bytes = load<uint8_t>(bytes.data() + 13);
  const std::string_view names = as_text(bytes.subspan(kConsumerHeadBytes));
  if (names.size() < dead_bytes) return wrong();
  consumer.dead_queue = names.substr(0, dead_bytes);
  record.function = names.substr(dead_bytes);
  bundle::Settings checked;
  checked.consumers.emplace("queue", consumer);
  if (!bundle::is_plain_name(record.function) || !bundle::check(checked)) return wrong();
  return record;
}

Result<std::vector<NewMessage>> parse_send(std::string_view text) {
  THEMIS_TRY(const Json json, http::parse_json(text));
  if (!json.is_array() || json.empty() || json.size() > kQueueBatchMax)
    return fail(Code::malformed,
                fmt::format("a send is a list of 1 to {} messages", kQueueBatchMax));
  std::vector<NewMessage> messages;
  size_t bytes = 0;
  for (const Json& object : json) {
    THEMIS_TRY(NewMessage message, parse_message(object));
    bytes += message.body.size();
    messages.push_back(std::move(message));
  }
  if (bytes > kQueueBatchBytesMax)
    return fail(Code::too_large,
                fmt::format("a send of {} bytes; {} is the limit", bytes, kQueueBatchBytesMax));
  return messages;
}

std::string batch_json(const std::string& queue, const std::string& origin,
                       const std::vector<QueuedMessage>& batch) {
  Json messages = Json::array();
  for (const QueuedMessage& message : batch)
    messages.push_back({{"id", fmt::format("{:016x}-{}", message.id, origin)},
                        {"timestamp", message.sent_ms},
                        {"attempts", message.deliveries + 1},
                        {"type", kKinds[static_cast<size_t>(message.kind)]},
                        {"body", message.body}});
  return http::to_text({{"queue", queue}, {"messages", std::move(messages)}});
}

Result<std::vector<Verdict>> parse_verdicts(std::string_view text, size_t messages) {
  THEMIS_TRY(const Json json, http::parse_json(text));
  if (!json.is_array() || json.size() != messages)
    return fail(Code::malformed, "a queue's answer says something of each message");
  std::vector<Verdict> verdicts;
  for (const Json& one : json) {
    if (one.is_object() && one.contains("ack")) {
      verdicts.emplace_back();
      continue;
    }
    const int64_t delay = one.is_object() ? http::integer_or(one, "delay", -1) : -1;
    Again again;
    if (delay >= 0 && delay <= kQueueDelayMaxS) again.delay_s = static_cast<uint32_t>(delay);
    verdicts.emplace_back(again);
  }
  return verdicts;
}

}  // namespace themis
