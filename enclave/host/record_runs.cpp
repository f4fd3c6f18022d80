#include "enclave/host/record_runs.hpp"

#include <algorithm>

#include "runtime/base/codec.hpp"

namespace themis::host {
namespace {

constexpr size_t kHeadBytes = sizeof(uint16_t) + sizeof(uint32_t);

struct Pair {
  ByteView key, value;
};
/// Of what add() has checked.
Pair pair_at(ByteView run, uint32_t at) {
  const auto key = load<uint16_t>(run.data() + at);
  const auto value = load<uint32_t>(run.data() + at + sizeof key);
  return {run.subspan(at + kHeadBytes, key), run.subspan(at + kHeadBytes + key, value)};
}
bool is_before(ByteView a, ByteView b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}
uint64_t prefix_of(ByteView key) {
  uint64_t prefix = 0;
  std::memcpy(&prefix, key.data(), std::min(key.size(), sizeof prefix));
  return __builtin_bswap64(prefix);
}

}  // namespace

void append_record(Bytes& run, ByteView key, ByteView value) {
  const size_t at = run.size();
  run.resize(at + kHeadBytes + key.size() + value.size());
  std::byte* to = put(run.data() + at, static_cast<uint16_t>(key.size()));
  to = std::ranges::copy(key, put(to, static_cast<uint32_t>(value.size()))).out;
  std::ranges::copy(value, to);
}

Status RecordRuns::add(ByteView run) {
  std::vector<Place> order;
  Reader reader(run);
  while (reader.left() > 0) {
    const auto at = static_cast<uint32_t>(reader.position() - run.data());
    const auto key_bytes = reader.integer<uint16_t>();
    const auto value_bytes = reader.integer<uint32_t>();
    const ByteView key = reader.bytes(key_bytes);
    (void)reader.bytes(value_bytes);
    if (!reader.ok() || key.empty())
      return fail(Code::malformed, "the store's checkpoint is damaged: restore its directory");
    order.push_back({prefix_of(key), at});
  }
  std::ranges::sort(order, [run](const Place& a, const Place& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix
                                : is_before(pair_at(run, a.at).key, pair_at(run, b.at).key);
  });
  orders_.push_back(std::move(order));
  at_.push_back(0);
  next_.push_back(0);
  return {};
}

Status RecordRuns::next(std::span<const ByteView> runs, size_t count, const Visit& visit) {
  THEMIS_ASSERT(runs.size() == orders_.size(), "the runs that were added");
  next_ = at_;
  const auto first = [&](size_t run) { return orders_[run][next_[run]]; };
  // A heap's first element is the last in its order.
  const auto later = [&](size_t a, size_t b) {
    const Place &x = first(a), &y = first(b);
    return x.prefix != y.prefix ? x.prefix > y.prefix
                                : is_before(pair_at(runs[b], y.at).key, pair_at(runs[a], x.at).key);
  };
  std::vector<size_t> heap;
  for (size_t run = 0; run < runs.size(); ++run)
    if (next_[run] < orders_[run].size()) heap.push_back(run);
  std::ranges::make_heap(heap, later);
  for (size_t i = 0; !heap.empty() && i < count; ++i) {
    std::ranges::pop_heap(heap, later);
    const size_t run = heap.back();
    const Pair pair = pair_at(runs[run], first(run).at);
    THEMIS_CHECK(visit(pair.key, pair.value));
    if (++next_[run] == orders_[run].size()) {
      heap.pop_back();
    } else {
      __builtin_prefetch(runs[run].data() + first(run).at);  // for its turn, after other runs'
      std::ranges::push_heap(heap, later);
    }
  }
  last_ = heap.empty();
  return {};
}

}  // namespace themis::host
