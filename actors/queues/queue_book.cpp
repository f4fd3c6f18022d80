#include "actors/queues/queue_book.hpp"

#include <fmt/format.h>

namespace themis {

Status QueueBook::check_room(size_t messages, size_t bytes) const {
  if (messages_ + messages <= kQueuedMax && bytes_ + bytes <= kQueuedBytesMax) return {};
  return fail(Code::overloaded,
              fmt::format("{} messages of {} MB wait on this node; it takes no more", messages_,
                          bytes_ >> 20));
}

void QueueBook::add(const std::string& queue, uint64_t id, int64_t due_ms, size_t bytes) {
  Queue& of = queues_[queue];
  of.waiting.emplace(due_ms, id);
  of.bytes.emplace(id, bytes);
  ++messages_;
  bytes_ += bytes;
}

std::vector<uint64_t> QueueBook::take(const std::string& queue, int64_t now_ms, size_t count,
                                      size_t bytes) {
  std::vector<uint64_t> taken;
  const auto found = queues_.find(queue);
  if (found == queues_.end()) return taken;
  Queue& of = found->second;
  size_t total = 0;
  while (!of.waiting.empty() && of.waiting.begin()->first <= now_ms && taken.size() < count) {
    const uint64_t id = of.waiting.begin()->second;
    total += of.bytes.at(id);
    if (!taken.empty() && total > bytes) break;
    taken.push_back(id);
    of.waiting.erase(of.waiting.begin());
  }
  return taken;
}

void QueueBook::put_back(const std::string& queue, uint64_t id, int64_t due_ms) {
  Queue& of = queues_.at(queue);
  THEMIS_ASSERT(of.bytes.contains(id), "only a taken message is put back");
  of.waiting.emplace(due_ms, id);
}

void QueueBook::drop(const std::string& queue, uint64_t id) {
  const auto found = queues_.find(queue);
  if (found == queues_.end()) return;
  const auto message = found->second.bytes.find(id);
  if (message == found->second.bytes.end()) return;
  bytes_ -= message->second;
  --messages_;
  found->second.bytes.erase(message);
  if (found->second.bytes.empty()) queues_.erase(found);
}

std::vector<std::string> QueueBook::due(int64_t now_ms) const {
  std::vector<std::string> out;
  for (const auto& [name, queue] : queues_)
    if (!queue.waiting.empty() && queue.waiting.begin()->first <= now_ms) out.push_back(name);
  return out;
}

}  // namespace themis
